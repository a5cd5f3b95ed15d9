"""An answer while it is being written: reloaded, stopped, watched twice, cut, failed."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import Chat
from tests.browser.people import Person, Visits
from tests.browser.server import Server
from tests.browser.upstream import HOLD, ScriptedUpstream
from tests.browser.watch import Watch
from tests.gateway.books import assert_clean

pytestmark = pytest.mark.browser


def test_a_reload_in_the_middle_loses_and_doubles_nothing(
    page: Page, upstream: ScriptedUpstream
) -> None:
    upstream.answers("Count", "one two ", HOLD, "three ", HOLD, "four")
    chat = Chat(page).open()
    chat.ask("Count")
    expect(chat.writing).to_contain_text("one two")
    chat.address()

    page.reload()
    expect(chat.writing).to_contain_text("one two")
    upstream.go_on("Count")
    expect(chat.writing).to_contain_text("one two three")
    page.reload()
    upstream.go_on("Count")

    expect(chat.answers).to_have_text("one two three four")
    expect(chat.questions).to_have_count(1)
    assert upstream.was_asked("Count") == 1


def test_an_answer_is_written_on_while_nobody_looks(
    page: Page, visit: Visits, alice: Person, upstream: ScriptedUpstream
) -> None:
    upstream.answers("Write on", "while ", HOLD, "nobody looks")
    chat = Chat(page).open()
    chat.ask("Write on")
    expect(chat.writing).to_contain_text("while")
    address = chat.address()

    page.close()
    upstream.go_on("Write on")

    later = Chat(visit(alice)).open(address)
    expect(later.answers).to_have_text("while nobody looks")
    assert upstream.was_asked("Write on") == 1


def test_stop_keeps_what_was_written_and_says_what_was_charged(
    page: Page, upstream: ScriptedUpstream, server: Server
) -> None:
    upstream.answers("Tell a long story", "Once upon a time ", HOLD, "never")
    chat = Chat(page).open()
    chat.ask("Tell a long story")
    expect(chat.writing).to_contain_text("Once upon a time")

    page.locator("#composer-stop").click()

    expect(chat.answers).to_have_text("Once upon a time")
    said = page.locator(".message-assistant .alert")
    expect(said).to_contain_text("Stopped.")
    expect(said).to_contain_text("was charged for what ran")
    expect(chat.expand("Cost breakdown")).to_contain_text("counted")
    expect(chat.send).to_be_visible()
    server.rows(assert_clean)


def test_two_windows_see_the_same_answer_and_only_one_may_ask(
    page: Page, visit: Visits, alice: Person, upstream: ScriptedUpstream, watch: Watch
) -> None:
    upstream.answers("Both", "seen ", HOLD, "twice")
    first = Chat(page).open()
    first.ask("Both")
    expect(first.writing).to_contain_text("seen")
    second = Chat(visit(alice)).open(first.address())
    expect(second.writing).to_contain_text("seen")

    upstream.go_on("Both")

    for chat in (first, second):
        expect(chat.answers).to_have_text("seen twice")

    # A window that has not heard of an answer under way is told, and keeps what was typed.
    upstream.answers("Again", "slowly ", HOLD, "done")
    second.page.route("**/stream/**", lambda route: route.abort())
    first.ask("Again")
    expect(first.writing).to_contain_text("slowly")
    watch.expect(409)
    second.ask("Me too")
    expect(second.page.locator("#toasts")).to_contain_text("still being written")
    expect(second.prompt).to_have_value("Me too")
    upstream.go_on("Again")
    first.settle()
    assert not upstream.was_asked("Me too")


def test_what_is_held_and_spent_moves_in_the_header(page: Page, upstream: ScriptedUpstream) -> None:
    upstream.answers("Hold", "a ", HOLD, "b")
    chat = Chat(page).open()
    chat.ask("Hold")
    expect(chat.writing).to_contain_text("a")
    chat.gauge.locator("summary").click()
    opened = chat.gauge.locator(".menu-body")
    held = opened.locator(".swatch-held .money")
    expect(held).not_to_have_attribute("title", "0 USD")

    upstream.go_on("Hold")
    chat.settle()

    expect(held).to_have_text("$0.00")
    expect(opened.locator(".swatch-spent .money")).to_have_attribute("title", "0.00002518 USD")
    expect(page.locator("#conversation-total .money")).to_have_attribute("title", "0.00002518 USD")


def test_an_answer_that_was_cut_offers_more_room(page: Page, upstream: ScriptedUpstream) -> None:
    upstream.answers("Much", "only the beginning", finish="length")
    chat = Chat(page).open()

    chat.ask_and_read("Much")

    expect(page.locator(".message-assistant .alert")).to_contain_text("reached its limit of")
    expect(page.get_by_role("button", name="Continue")).to_be_visible()
    expect(page.get_by_role("button", name="Again with room for")).to_be_visible()


def test_the_earlier_turns_go_along(page: Page, upstream: ScriptedUpstream) -> None:
    upstream.answers("My name is Zoe.", "Hello Zoe.")
    upstream.answers("Who am I?", "You are Zoe.")
    chat = Chat(page).open()

    chat.ask_and_read("My name is Zoe.")
    chat.ask_and_read("Who am I?")

    sent = [message["content"] for message in upstream.received[-1].body["messages"]]
    assert sent[-3:] == ["My name is Zoe.", "Hello Zoe.", "Who am I?"]
    expect(page.locator(".message-assistant").last).to_contain_text("were earlier turns")

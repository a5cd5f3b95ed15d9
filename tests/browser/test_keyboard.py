"""Everything by keyboard alone."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import Chat
from tests.browser.upstream import HOLD, ScriptedUpstream

pytestmark = pytest.mark.browser


def test_enter_sends_and_shift_enter_breaks_the_line(page: Page) -> None:
    chat = Chat(page).open()
    expect(chat.prompt).to_be_focused()

    page.keyboard.type("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    expect(chat.prompt).to_have_value("one\ntwo")
    page.keyboard.press("Enter")

    expect(chat.answers).to_have_count(1)
    assert chat.questions.inner_text() == "one\ntwo"
    expect(chat.prompt).to_have_value("")
    expect(chat.prompt).to_be_focused()


def test_an_empty_prompt_is_not_sent(page: Page, upstream: ScriptedUpstream) -> None:
    chat = Chat(page).open()
    before = len(upstream.received)

    page.keyboard.press("Enter")
    page.keyboard.type("now")
    page.keyboard.press("Enter")

    expect(chat.answers).to_have_count(1)
    assert len(upstream.received) == before + 1


def test_a_slash_comes_back_to_the_prompt(page: Page) -> None:
    chat = Chat(page).open()
    page.get_by_role("link", name="New chat").focus()
    expect(chat.prompt).not_to_be_focused()

    page.keyboard.press("/")

    expect(chat.prompt).to_be_focused()
    page.keyboard.type("1/2")
    expect(chat.prompt).to_have_value("1/2")


def test_escape_stops_and_writing_can_go_on_meanwhile(
    page: Page, upstream: ScriptedUpstream
) -> None:
    upstream.answers("Endless", "on and on ", HOLD, "never")
    chat = Chat(page).open()
    chat.ask("Endless")
    expect(chat.writing).to_contain_text("on and on")
    page.keyboard.type("meanwhile")

    page.keyboard.press("Escape")

    expect(page.locator(".message-assistant .alert")).to_contain_text("Stopped.")
    expect(chat.prompt).to_have_value("meanwhile")


def test_tab_goes_through_the_composer_in_reading_order(page: Page) -> None:
    chat = Chat(page).open()
    chat.prompt.fill("x")
    order = [
        page.get_by_role("radio", name="General"),
        page.get_by_role("radio", name="Medium"),
        page.locator("summary", has_text="Budget and model"),
        chat.send,
    ]

    for stop in order:
        page.keyboard.press("Tab")
        expect(stop).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_label("Budget of this request")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Budget of this request")).not_to_be_visible()
    expect(order[2]).to_be_focused()


def test_the_first_stop_of_a_page_skips_to_its_content(page: Page) -> None:
    page.goto("/budgets/")

    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    expect(page.locator("main").get_by_role("link").first).to_be_focused()


def test_expanders_menu_and_dialog_open_and_close(page: Page) -> None:
    chat = Chat(page).open()
    chat.ask_and_read("Keys only")
    page.locator("summary", has_text="Cost breakdown").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Variance")).to_be_visible()

    page.locator("summary[title='This conversation']").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Rename")).to_be_focused()
    page.keyboard.press("Enter")
    title = page.get_by_role("dialog").get_by_label("Title")
    expect(title).to_be_focused()
    page.keyboard.press("Escape")
    expect(title).not_to_be_visible()


def test_focus_is_seen(page: Page) -> None:
    page.goto("/budgets/")
    for _ in range(6):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "() => { const s = getComputedStyle(document.activeElement);"
            " return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2; }"
        )
        assert outline, page.evaluate("() => document.activeElement.outerHTML")

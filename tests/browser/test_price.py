"""The price tag while one types: it comes, moves nothing, goes, and never costs a word."""

import uuid

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from router_app.models import User
from tests.browser.chat import Chat
from tests.browser.people import NARROW, WIDE, Person, Visits
from tests.browser.server import Server
from tests.browser.test_pages import check
from tests.browser.upstream import HOLD, ScriptedUpstream
from tests.factories import make_conversation, make_exchange

pytestmark = pytest.mark.browser

STORY = "Once upon a time there was a number. " * 400


def with_a_long_conversation(person: Person) -> uuid.UUID:
    user = User.objects.get(pk=person.pk)
    conversation = make_conversation(user, title="A story")
    make_exchange(user, "Tell me a story", STORY, conversation=conversation)
    return conversation.pk


def budget(page: Page, amount: str) -> None:
    page.locator("summary", has_text="Budget and model").click()
    page.get_by_label("Budget of this request").fill(amount)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_it_comes_and_goes_and_nothing_moves(visit: Visits, alice: Person, width: int) -> None:
    page = visit(alice, width=width)
    chat = Chat(page).open()
    before = chat.prompt.bounding_box()

    chat.prompt.fill("What is it?")
    expect(chat.price).to_contain_text("Likely")
    expect(chat.price).to_contain_text("left of Monthly limit")
    assert chat.prompt.bounding_box() == before
    check(page)
    page.set_viewport_size({"width": width, "height": 844})

    budget(page, "0.000001")
    expect(chat.price).to_contain_text("Too dear")
    check(page)

    chat.prompt.fill("")
    expect(chat.price).to_have_text("")


def test_an_example_has_a_price(page: Page) -> None:
    chat = Chat(page).open()
    page.locator(".example").first.click()
    expect(chat.price).to_contain_text("Best quality match for code tasks")


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_fresh_start_takes_the_words_along(
    visit: Visits, alice: Person, server: Server, upstream: ScriptedUpstream, width: int
) -> None:
    page = visit(alice, width=width)
    conversation = server.rows(with_a_long_conversation, alice)
    chat = Chat(page).open(f"/c/{conversation}/")
    budget(page, "0.1")
    before = chat.prompt.bounding_box()
    chat.prompt.fill("Go on <b>")
    expect(chat.price).to_contain_text("of it for earlier turns")
    assert chat.prompt.bounding_box() == before
    check(page)

    chat.price.get_by_role("button", name="Start fresh").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("New chat")
    expect(chat.prompt).to_have_value("Go on <b>")
    expect(chat.prompt).to_be_focused()
    expect(chat.price).to_contain_text("Likely")
    expect(chat.price).not_to_contain_text("earlier turns")
    assert page.url == f"{server.url}/"
    chat.prompt.press("Enter")
    expect(chat.answers).to_have_count(1)
    assert str(conversation) not in chat.address()
    assert upstream.was_asked("Go on <b>")


def test_an_answer_that_ends_changes_the_price_of_the_next(
    page: Page, upstream: ScriptedUpstream
) -> None:
    upstream.answers("Begin", "So ", HOLD, "be it")
    chat = Chat(page).open()
    chat.ask("Begin")
    expect(chat.writing).to_contain_text("So")
    chat.prompt.fill("And then?")
    expect(chat.price).to_contain_text("Likely")
    expect(chat.price).not_to_contain_text("earlier turns")

    upstream.go_on("Begin")

    expect(chat.price).to_contain_text("of it for earlier turns")
    expect(chat.prompt).to_have_value("And then?")


def test_signed_out_elsewhere_what_is_typed_stays(
    visit: Visits, alice: Person, server: Server
) -> None:
    page = visit(alice)
    chat = Chat(page).open()
    server.rows(lambda: Session.objects.filter(session_key=alice.session).delete())

    with page.expect_response("**/price/"):
        chat.prompt.fill("Not lost")

    expect(chat.price).to_have_text("")
    expect(chat.prompt).to_have_value("Not lost")
    assert page.url == f"{server.url}/"


def test_without_script_a_button_asks_for_it(visit: Visits, alice: Person) -> None:
    page = visit(alice, script=False)
    chat = Chat(page).open()
    chat.prompt.fill("Plainly\nkept")
    page.locator("#composer").get_by_text("Code", exact=True).click()

    page.get_by_role("button", name="Price").click()

    expect(chat.price).to_contain_text("Best quality match for code tasks")
    expect(chat.prompt).to_have_value("Plainly\nkept")
    expect(page.get_by_role("radio", name="Code")).to_be_checked()
    expect(chat.answers).to_have_count(0)

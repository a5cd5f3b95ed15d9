"""With JavaScript switched off everything that matters works, by forms and links."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import Chat
from tests.browser.people import Person, Visits
from tests.browser.test_story import set_monthly_limit, sign_up
from tests.browser.upstream import ScriptedUpstream
from tests.browser.watch import Watch

pytestmark = pytest.mark.browser


@pytest.fixture
def plain(visit: Visits, alice: Person) -> Page:
    """Alice's window, without script."""
    return visit(alice, script=False)


def test_one_signs_up_out_and_in(visit: Visits) -> None:
    page = visit(script=False)
    sign_up(page, "scriptless")
    expect(Chat(page).prompt).to_be_visible()

    page.locator("details.account-menu summary, .rail summary").last.click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Username or e-mail").fill("scriptless")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Sign in").click()

    expect(Chat(page).prompt).to_be_visible()


def test_one_asks_and_reads_answer_and_receipt(plain: Page, upstream: ScriptedUpstream) -> None:
    upstream.answers("Plainly?", "Plainly **yes**.")
    chat = Chat(plain).open()
    chat.prompt.fill("Plainly?")
    plain.get_by_text("High", exact=True).click()

    chat.send.click()

    expect(chat.answers).to_have_text("Plainly yes.")
    chat.address()
    expect(chat.expand("Model selection details").locator("tr.chosen")).to_contain_text("Chosen")
    expect(chat.expand("Cost breakdown")).to_contain_text("Variance")
    expect(plain.get_by_role("radio", name="High")).to_be_checked()


def test_one_is_refused_and_raises_the_limit(
    plain: Page, upstream: ScriptedUpstream, watch: Watch
) -> None:
    plain.goto("/budgets/")
    set_monthly_limit(plain, "0.000001")
    chat = Chat(plain).open()
    watch.expect(402)
    chat.prompt.fill("Too dear?")
    chat.send.click()
    expect(chat.refusal).to_contain_text("does not allow it")
    chat.refusal.get_by_role("link", name="Raise the limit").click()

    set_monthly_limit(plain, "1")
    plain.get_by_role("link", name="Chat", exact=True).click()
    plain.get_by_role("link", name="Too dear?").click()
    expect(chat.prompt).to_have_value("Too dear?")
    chat.send.click()

    expect(chat.answers).to_have_count(1)
    expect(chat.refusal).to_have_count(0)


def test_one_renames_and_deletes(plain: Page) -> None:
    chat = Chat(plain).open()
    chat.prompt.fill("Plain housekeeping")
    chat.send.click()
    chat.choose("Rename")
    plain.get_by_label("Title").fill("Swept")
    plain.get_by_role("button", name="Rename").click()
    expect(plain.get_by_role("heading", level=1)).to_contain_text("Swept")

    chat.choose("Delete")
    plain.get_by_role("button", name="Delete").click()

    expect(plain.get_by_text("“Swept” is deleted")).to_be_visible()


def test_an_empty_prompt_is_named_and_nothing_typed_is_lost(plain: Page, watch: Watch) -> None:
    chat = Chat(plain).open()
    watch.expect(422)
    plain.locator("summary", has_text="Budget and model").click()
    plain.get_by_label("Budget of this request").fill("nothing")
    chat.prompt.fill("Kept")

    chat.send.click()

    expect(plain.locator("#composer .errorlist")).to_be_visible()
    expect(chat.prompt).to_have_value("Kept")


@pytest.mark.parametrize("path", ["/dashboard/", "/history/", "/budgets/", "/keys/", "/models/"])
def test_every_page_says_something(plain: Page, path: str) -> None:
    plain.goto(path)

    expect(plain.get_by_role("heading", level=1)).to_be_visible()
    expect(plain.locator("main")).not_to_be_empty()

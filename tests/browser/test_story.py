"""The main job, as a new person does it: sign up, ask, be refused, raise the limit, ask again."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import Chat
from tests.browser.people import Visits
from tests.browser.server import Server
from tests.browser.upstream import HOLD, ScriptedUpstream
from tests.browser.watch import Watch
from tests.gateway.books import assert_clean, assert_nothing_held

pytestmark = pytest.mark.browser

QUESTION = "What is the capital of Australia?"
SECOND = "And of New Zealand?"
PASSWORD = "correct horse battery staple"


def sign_up(page: Page, username: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()


def set_monthly_limit(page: Page, usd: str) -> None:
    page.get_by_role("link", name="Change Monthly limit").click()
    page.get_by_label("Limit in US dollars").fill(usd)
    page.get_by_role("button", name="Save the limit").click()
    expect(page.get_by_role("heading", name="Budgets", level=1)).to_be_visible()


def test_from_signing_up_to_asking_again(
    visit: Visits, upstream: ScriptedUpstream, watch: Watch, server: Server
) -> None:
    upstream.answers(QUESTION, "Canberra ", HOLD, "is the capital, ", HOLD, "**not** Sydney.")
    upstream.answers(SECOND, "Wellington.")
    page = visit()
    chat = Chat(page)

    # A new account starts with $5 a month.
    sign_up(page, "newcomer")
    expect(chat.prompt).to_be_visible()
    page.wait_for_load_state()  # the key that sends is the script's
    expect(chat.gauge).to_contain_text("$5.00 free")

    # The answer grows before one's eyes, then its markdown is shown.
    chat.ask(QUESTION)
    expect(chat.questions).to_have_text([QUESTION])
    expect(chat.writing).to_contain_text("Canberra")
    expect(chat.writing).to_contain_text("held")
    upstream.go_on(QUESTION)
    expect(chat.writing).to_contain_text("Canberra is the capital,")
    upstream.go_on(QUESTION)
    expect(chat.answers).to_have_text("Canberra is the capital, not Sydney.")
    expect(chat.answers.locator("strong")).to_have_text("not")
    conversation = chat.address()

    # 40 tokens in and 3 out at $0.59 and $0.79 a million: the receipt says who, why and how much.
    selection = chat.expand("Model selection details")
    expect(selection.locator("tr.chosen")).to_contain_text("Llama 3.3 70B")
    expect(selection.locator("tr.chosen")).to_contain_text("103")
    expect(selection.locator("tr.dropped")).to_contain_text("is below the")
    cost = chat.expand("Cost breakdown")
    expect(cost).to_contain_text("Variance")
    expect(cost.locator("strong .money")).to_have_attribute("title", "0.00002597 USD")

    # The dashboard says the same, and its history leads to the same receipt.
    page.get_by_role("link", name="Dashboard").click()
    figures = page.locator("#dashboard-figures .stat")
    expect(figures.filter(has_text="Requests").locator(".stat-value")).to_have_text("1")
    spent = page.locator("#dashboard-figures .money[title='0.00002597 USD']")
    expect(spent.first).to_be_visible()
    page.get_by_role("link", name="History").click()
    page.get_by_role("link", name="receipt").click()
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    expect(page.get_by_text(QUESTION)).to_be_visible()

    # With the limit lowered the next question is refused, in words.
    page.get_by_role("link", name="Budgets").click()
    set_monthly_limit(page, "0.00003")
    page.goto(conversation)
    watch.expect(402)
    chat.ask(SECOND)
    expect(chat.refusal).to_contain_text("“Monthly limit” does not allow it")
    for fact in (
        "Limit$0.00003",
        "Spent$0.000026",
        "Left$0.00000403",
        "Resets on",
        "What would fit",
    ):
        expect(chat.refusal).to_contain_text(fact)
    expect(chat.refusal).to_contain_text("Nothing was charged")
    assert not upstream.was_asked(SECOND)

    # Raised again, the refused words are still there to be sent.
    chat.refusal.get_by_role("link", name="Raise the limit").click()
    set_monthly_limit(page, "5")
    page.goto(conversation)
    expect(chat.prompt).to_have_value(SECOND)
    chat.prompt.press("Enter")
    expect(chat.answers).to_have_text(["Canberra is the capital, not Sydney.", "Wellington."])
    expect(chat.refusal).to_have_count(0)
    expect(chat.questions).to_have_text([QUESTION, SECOND])

    server.rows(assert_clean)
    server.rows(assert_nothing_held)

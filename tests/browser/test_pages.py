"""Every page in both themes at both widths: axe finds nothing serious, nothing sticks out."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from router_app.bills.entering import Entry, enter
from router_app.bills.findings import Days
from router_app.gateway.keys import create_key
from router_app.models import Bill, Budget, Call, LanguageModel, User
from tests.browser.chat import Chat
from tests.browser.people import NARROW, WIDE, MakePerson, Person, Visits, make_person
from tests.browser.server import Server
from tests.browser.upstream import HOLD, ScriptedUpstream
from tests.browser.watch import Watch
from tests.factories import make_call, make_conversation, make_decision, make_exchange, make_window

pytestmark = pytest.mark.browser

SERIOUS = {"serious", "critical"}
STICKS_OUT = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll("body *")]
    .filter((one) => one.getBoundingClientRect().right > width + 1)
    .map((one) => one.cloneNode().outerHTML.slice(0, 120)).slice(0, 8);
}"""
# An amount that a box cuts off reads as another amount.
CUT_OFF = """() => [...document.querySelectorAll(".money")]
  .filter((one) => one.checkVisibility() && !one.closest(".table-scroll"))
  .filter((one) => {
    const right = one.getBoundingClientRect().right;
    for (let box = one; box !== document.body; box = box.parentElement) {
      const clips = getComputedStyle(box).overflowX !== "visible";
      if (clips && right > box.getBoundingClientRect().right + 1) return true;
    }
    return false;
  }).map((one) => one.textContent)
"""
# `preload` would load the style sheets a second time. A theme changes colours and nothing else.
EVERYTHING = {"resultTypes": ["violations"], "preload": False}
COLOURS = {**EVERYTHING, "runOnly": ["color-contrast", "link-in-text-block"]}
LONG = "averyveryverylongwordwithoutanyplacetobreakit" * 4
ANSWER = f"""## A heading

Text with `code`, **weight** and a [link](https://example.org/{LONG}).

```python
def {LONG}(): return {"1 + " * 40}1
```

| Column | {LONG} | Third |
|---|---|---|
| 1 | 2 | 3 |

> A quotation, and {LONG}
"""


@dataclass(frozen=True, slots=True)
class Resident:
    """Somebody who has been here for a while, and where their things are."""

    person: Person
    conversation: uuid.UUID
    decision: uuid.UUID
    budget: int
    key: int


def settle_in() -> Resident:
    """Make a person with calls of every outcome on several days, a conversation, keys, limits."""
    person = make_person()
    user = User.objects.get(pk=person.pk)
    budget = Budget.objects.get(user=user)
    window = make_window(budget)
    models = list(LanguageModel.objects.filter(provider__slug="demo"))
    outcomes = [Call.Outcome.ANSWERED, Call.Outcome.STOPPED, Call.Outcome.FAILED]
    for number in range(12):
        at = timezone.now() - timedelta(hours=7 * number + 1)
        model = models[number % len(models)]
        decision = make_decision(user, models=models, at=at)
        outcome = outcomes[number % len(outcomes)] if number else Call.Outcome.ANSWERED
        make_call(user, model, decision=decision, outcome=outcome, windows=[window], at=at)
        make_exchange(user, f"Question {number} {LONG}", "An answer.", decision=decision)
    for number in range(20):  # enough for a forecast
        make_call(user, models[0], windows=[window], at=timezone.now() - timedelta(days=4 + number))
    decision = make_decision(user, models=models)
    make_call(user, models[0], decision=decision, windows=[window])
    conversation = make_conversation(user, title=f"Everything {LONG}"[:120])
    make_exchange(user, f"Say it {LONG}", ANSWER, decision=decision, conversation=conversation)
    make_exchange(user, "Again", "Short.", conversation=conversation)
    key, _ = create_key(user=user, name=f"nightly {LONG}"[:80])
    return Resident(person, conversation.pk, decision.pk, budget.pk, key.pk)


def enter_bill(person: Person) -> int:
    """A bill of which several causes together explain a part: the longest verdict there is."""
    model = LanguageModel.objects.filter(provider__slug="demo")[0]
    user, day = User.objects.get(pk=person.pk), timezone.now().date()
    for outcome in (Call.Outcome.PRESUMED, Call.Outcome.STOPPED, Call.Outcome.ANSWERED):
        make_call(user, model, outcome=outcome, cost_nanos=10**7)
    enter([Entry(model, Days(day, day, "UTC"), 10**12)], by=user)
    return Bill.objects.get().pk


@pytest.fixture(scope="module")
def resident(server: Server) -> Resident:
    """Changes nothing, so all tests here may visit as the same person."""
    return server.rows(settle_in)


def check(page: Page) -> None:
    """Look at the page as it stands in both themes and at both widths."""
    findings = []
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 844})
        findings += [f"{width}: sticks out: {found}" for found in page.evaluate(STICKS_OUT)]
        findings += [f"{width}: cut off: {found}" for found in page.evaluate(CUT_OFF)]
        for scheme, rules in (("light", EVERYTHING), ("dark", COLOURS)):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            findings += [f"{width} {scheme}: {found}" for found in serious(page, rules)]
    assert not findings, "\n".join(findings)


def serious(page: Page, rules: dict[str, object]) -> list[str]:
    """What axe calls serious or critical."""
    violations = Axe().run(page, options=rules).response["violations"]
    return [
        f"{violation['id']} ({violation['help']}): {node['html'][:160]} {node['failureSummary']}"
        for violation in violations
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


ANYBODYS = ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/docs"]
ONES_OWN: dict[str, Callable[[Resident], str]] = {
    "chat, empty": lambda _: "/",
    "conversations": lambda _: "/c/",
    "search": lambda _: "/?q=answer",
    "rename": lambda its: f"/c/{its.conversation}/rename/",
    "delete": lambda its: f"/c/{its.conversation}/delete/",
    "dashboard": lambda _: "/dashboard/",
    "spending by conversation": lambda _: "/spending/?by=conversation",
    "spending by model": lambda _: "/spending/",
    "history": lambda _: "/history/",
    "history, narrowed to nothing": lambda _: "/history/?text=zebra",
    "receipt": lambda its: f"/history/{its.decision}/",
    "budgets": lambda _: "/budgets/",
    "a limit": lambda its: f"/budgets/{its.budget}/",
    "a forecast": lambda its: f"/budgets/{its.budget}/forecast/",
    "closing a limit": lambda its: f"/budgets/{its.budget}/close/",
    "keys": lambda _: "/keys/",
    "revoking a key": lambda its: f"/keys/{its.key}/revoke/",
    "models": lambda _: "/models/",
    "profile": lambda _: "/profile/",
    "password": lambda _: "/accounts/password/change/",
    "e-mail": lambda _: "/accounts/email/",
}


@pytest.mark.parametrize("path", ANYBODYS)
def test_a_page_for_anybody(visit: Visits, path: str) -> None:
    page = visit()
    page.goto(path)
    if path == "/docs":
        expect(page.locator(".opblock-summary-path").first).to_be_visible()
    check(page)


@pytest.mark.parametrize("name", ONES_OWN)
def test_a_page_of_ones_own(visit: Visits, resident: Resident, name: str) -> None:
    page = visit(resident.person)
    page.goto(ONES_OWN[name](resident))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    check(page)


@pytest.mark.parametrize("path", ["/dashboard/", "/spending/", "/history/", "/keys/"])
def test_a_page_with_nothing_on_it_yet(visit: Visits, new_person: MakePerson, path: str) -> None:
    page = visit(new_person())
    page.goto(path)
    expect(page.locator(".empty h2")).to_be_visible()
    check(page)


def test_bills(visit: Visits, server: Server, new_person: MakePerson) -> None:
    person = new_person(is_staff=True, is_superuser=True)
    pk = server.rows(enter_bill, person)
    page = visit(person)
    for path in ("/bills/", f"/bills/{pk}/"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        check(page)


def test_an_answer_with_its_receipt_open(visit: Visits, resident: Resident) -> None:
    page = visit(resident.person)
    page.goto(f"/c/{resident.conversation}/")
    for name in ("Model selection details", "Cost breakdown"):
        page.locator("summary", has_text=name).first.click()
    expect(page.get_by_role("table").first).to_be_visible()
    check(page)


def test_an_answer_being_written(page: Page, upstream: ScriptedUpstream) -> None:
    upstream.answers("Look at me", "Half a ", HOLD, "word")
    chat = Chat(page).open()
    chat.ask("Look at me")
    expect(chat.writing).to_contain_text("Half a")
    check(page)
    upstream.go_on("Look at me")
    chat.settle()


def test_a_refusal(page: Page, watch: Watch) -> None:
    chat = Chat(page).open()
    page.locator("summary", has_text="Budget and model").click()
    page.get_by_label("Budget of this request").fill("0.0000001")
    watch.expect(402)
    chat.ask("Too much")
    expect(chat.refusal).to_be_visible()
    check(page)


def test_a_new_key(page: Page) -> None:
    page.goto("/keys/")
    page.get_by_label("Name").fill("for the test")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator("#new-key-text")).to_contain_text("br")
    check(page)


def test_what_is_not_there(page: Page, watch: Watch) -> None:
    watch.expect(404)
    page.goto("/nothing/here/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    check(page)


def test_a_wrong_password(visit: Visits) -> None:
    page = visit()
    page.goto("/accounts/login/")
    page.get_by_label("Username or e-mail").fill("nobody")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check(page)

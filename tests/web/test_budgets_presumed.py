"""Presumed charges: seen by those who may decide, confirmed or corrected once, with a reason."""

import pytest
from django.urls import reverse
from django.utils import timezone

from router_app.budgets.limits import create_budget
from router_app.budgets.reconcile import differences
from router_app.models import AuditEntry, Call, LedgerEntry, Level, User, Window
from tests.factories import CENT, DOLLAR, make_call, make_decision, make_user, make_window
from tests.web.team import Team, make_team, page_of

pytestmark = pytest.mark.django_db
LIST = "/budgets/presumed/"


@pytest.fixture
def team() -> Team:
    return make_team()


def _presumed(team: Team, user: User, cost: int = CENT) -> Call:
    budget = create_budget(
        level=Level.WORKSPACE, workspace=team.workspace, period="month", limit_nanos=DOLLAR
    )
    decision = make_decision(user, workspace=team.workspace)
    return make_call(
        user, decision=decision, outcome=Call.Outcome.PRESUMED, cost_nanos=cost,
        reserved_nanos=cost, windows=[make_window(budget)], failure_detail="the server stopped",
    )  # fmt: skip


@pytest.fixture
def call(team: Team) -> Call:
    from tests.factories import make_model

    make_model()
    return _presumed(team, team.bob)


def _decide(call: Call) -> str:
    return reverse("budgets_decide", args=[call.pk])


def test_what_is_presumed_is_listed_and_ordinary_calls_are_not(team, call):
    make_call(team.bob, decision=make_decision(team.bob, workspace=team.workspace))
    page = page_of(team.browser(team.alice).get(LIST))
    assert page.count("/budgets/presumed/") - page.count('"/budgets/presumed/"') == 1
    for said in ("bob", "the server stopped", "$0.01"):
        assert said in page


def test_an_admin_corrects_one_and_the_books_follow(team, call):
    client = team.browser(team.alice)
    sent = {"actual": "0.004", "reason": "invoice of November"}

    page = page_of(client.post(_decide(call), sent, follow=True))

    assert "The charge is corrected to $0.004." in page
    assert "Nothing is presumed" in page
    assert Window.objects.get().spent_nanos == 4_000_000
    entry = LedgerEntry.objects.get(kind="correct")
    assert (entry.author, entry.reason) == (team.alice, "invoice of November")
    assert list(differences(timezone.now())) == []
    told = AuditEntry.objects.get(action="cost.corrected")
    assert (told.workspace, told.before) == (team.workspace, {"cost_nanos": CENT})


def test_confirming_keeps_the_amount_and_takes_it_off_the_list(team, call):
    client = team.browser(team.alice)
    sent = {"actual": "0.01", "reason": "it is on the bill"}
    page = page_of(client.post(_decide(call), sent, follow=True))
    assert "The charge is confirmed at $0.01." in page
    assert "Nothing is presumed" in page
    assert Window.objects.get().spent_nanos == CENT
    assert client.post(_decide(call), sent).status_code == 404  # decided is decided


def test_nobody_decides_on_what_their_own_requests_cost(team, call):
    own = _presumed(team, team.alice)
    client = team.browser(team.alice)
    assert "somebody else decides" in page_of(client.get(_decide(own)))
    assert client.post(_decide(own), {"actual": "0", "reason": "x"}).status_code == 403
    assert not LedgerEntry.objects.filter(kind="correct").exists()


def test_only_admins_decide(team, call):
    for person in (team.bob, team.vera):
        client = team.browser(person)
        assert client.get(LIST).status_code == 403
        assert client.post(_decide(call), {"actual": "0", "reason": "x"}).status_code == 403
    stranger = team.browser(team.charlie)  # the admin of nothing but their own
    assert "Nothing is presumed" in page_of(stranger.get(LIST))
    assert stranger.post(_decide(call), {"actual": "0", "reason": "x"}).status_code == 404
    assert not LedgerEntry.objects.filter(kind="correct").exists()


def test_operators_decide_on_everybodys_if_they_may_correct_costs(client, team, call):
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    assert "Alpha" in page_of(client.get(LIST))
    client.post(_decide(call), {"actual": "0.002", "reason": "invoice"})
    assert Window.objects.get().spent_nanos == 2_000_000

    client.force_login(make_user("clerk", is_staff=True))
    assert "Alpha" not in page_of(client.get(LIST))


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"actual": "", "reason": "x"}, "This field is required."),
        ({"actual": "0.001", "reason": " "}, "This field is required."),
        ({"actual": "10001", "reason": "x"}, "highest amount"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_booked(team, call, sent, said):
    assert said in page_of(team.browser(team.alice).post(_decide(call), sent))
    assert not LedgerEntry.objects.filter(kind="correct").exists()

"""Top-ups: more for this period, the base as it was, and an end that needs no job."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from router_app.budgets import limits, topups
from router_app.budgets.permissions import NotYours
from router_app.budgets.plans import current_windows
from router_app.budgets.statements import statements_for
from router_app.gateway.access import read_revisions
from router_app.gateway.expiry import expire_at_admission
from router_app.models import AuditEntry, Budget, Level, Membership, Role, TopUp, User, Window
from router_app.models import Workspace as Team
from tests.factories import CENT, DOLLAR, make_user, make_window

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def alpha(bob: User) -> Team:
    team = Team.objects.create(name="Alpha")
    Membership.objects.create(workspace=team, user=bob, role=Role.ADMIN)
    return team


@pytest.fixture
def budget(alpha: Team) -> Budget:
    return limits.create_budget(
        level=Level.WORKSPACE, workspace=alpha, period="day", limit_nanos=DOLLAR
    )


def _top_up(budget: Budget, author: User, amount: int = DOLLAR // 2, **fields) -> TopUp:
    fields = {"reason": "the deadline", "now": NOON, **fields}
    return topups.top_up(budget, amount_nanos=amount, author=author, **fields)


def _free(budget: Budget, now: datetime) -> int:
    return statements_for([budget], now=now)[0].free_nanos


def test_the_running_window_has_more_and_the_next_one_begins_without_it(budget, bob):
    made = _top_up(budget, bob)

    window = Window.objects.get()
    assert (window.limit_nanos, window.topped_up_nanos) == (150 * CENT, 50 * CENT)
    assert window.peak_limit_nanos == 150 * CENT
    assert Budget.objects.get(pk=budget.pk).limit_nanos == DOLLAR
    assert (made.window, made.author, made.reason) == (window, bob, "the deadline")
    tomorrow = current_windows([budget], NOON + 24 * HOUR)[budget.pk]
    assert (tomorrow.limit_nanos, tomorrow.topped_up_nanos) == (DOLLAR, 0)


def test_a_changed_base_keeps_the_top_up(budget, bob):
    _top_up(budget, bob)
    limits.set_limit(budget, limit_nanos=2 * DOLLAR, now=NOON)
    assert Window.objects.get().limit_nanos == 250 * CENT


def test_when_its_moment_has_come_statements_know_before_anybody_ends_it(budget, bob):
    _top_up(budget, bob, until=NOON + HOUR)
    _top_up(budget, bob, amount=10 * CENT)

    assert _free(budget, NOON + HOUR - timedelta(seconds=1)) == 160 * CENT
    stated = statements_for([budget], now=NOON + HOUR)[0]
    assert (stated.limit_nanos, stated.topped_up_nanos) == (110 * CENT, 10 * CENT)
    assert Window.objects.get().limit_nanos == 160 * CENT  # nobody has asked since


def test_whoever_admits_next_ends_it_and_nobody_twice(budget, bob):
    _top_up(budget, bob, until=NOON + HOUR)
    with transaction.atomic():
        assert not read_revisions(NOON).any_overdue
        later = NOON + HOUR
        assert read_revisions(later).any_overdue
        expire_at_admission(later, any_overdue=True)

        assert not read_revisions(later).any_overdue
    assert topups.end_expired(later) == 0
    window = Window.objects.get()
    assert (window.limit_nanos, window.topped_up_nanos) == (DOLLAR, 0)
    assert window.peak_limit_nanos == 150 * CENT
    assert TopUp.objects.get().ended_at == later
    assert _free(budget, later) == DOLLAR


def test_what_was_spent_of_it_stays_spent_and_refuses_from_then_on(budget, bob):
    _top_up(budget, bob, until=NOON + HOUR)
    Window.objects.update(spent_nanos=120 * CENT, reserved_nanos=30 * CENT)

    topups.end_expired(NOON + HOUR)

    window = Window.objects.get()  # the database would have refused spent + held above the peak
    assert (window.limit_nanos, window.spent_nanos, window.free_nanos) == (DOLLAR, 120 * CENT, 0)


def test_a_moment_after_the_period_is_the_periods_end(budget, bob):
    assert _top_up(budget, bob, until=NOON + 48 * HOUR).until is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"amount": 0}, "adds something"),
        ({"amount": -1}, "adds something"),
        ({"amount": limits.HIGHEST_LIMIT_NANOS + 1}, "at most"),
        ({"reason": "  "}, "needs a reason"),
        ({"until": NOON}, "is over"),
    ],
)
def test_what_makes_no_sense_is_said_and_changes_nothing(budget, bob, fields, said):
    with pytest.raises(ValueError, match=said):
        _top_up(budget, bob, **fields)
    assert not TopUp.objects.exists()


def test_many_of_them_do_not_come_above_the_highest_limit(budget, bob):
    _top_up(budget, bob, amount=limits.HIGHEST_LIMIT_NANOS - DOLLAR)
    with pytest.raises(NotYours, match="at most"):
        _top_up(budget, bob, amount=1)
    assert Window.objects.get().limit_nanos == limits.HIGHEST_LIMIT_NANOS


def test_ones_own_limit_is_topped_up_to_the_self_service_ceiling(bob, settings):
    own = limits.create_budget(user=bob, period="month", limit_nanos=DOLLAR)
    most = settings.SELF_SERVICE_MAX_NANOS
    _top_up(own, bob, amount=most - DOLLAR)
    with pytest.raises(NotYours, match=r"at most \$100"):
        _top_up(own, bob, amount=1)


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_only_who_may_change_the_limit_may_top_it_up(budget, alpha, role):
    carol = make_user("carol")
    Membership.objects.create(workspace=alpha, user=carol, role=role)
    with pytest.raises(NotYours):
        _top_up(budget, carol)
    with pytest.raises(NotYours):
        _top_up(budget, make_user("charlie"))
    assert not Window.objects.exists()


def test_a_closed_limit_is_not_topped_up(budget, bob):
    limits.close_budget(budget)
    with pytest.raises(ValueError, match="closed"):
        _top_up(budget, bob)


def test_the_audit_trail_has_amount_reason_and_author(budget, bob, alpha):
    _top_up(budget, bob)
    entry = AuditEntry.objects.get(action="limit.topped_up")
    assert (entry.actor, entry.workspace) == (bob, alpha)
    assert entry.after == {"amount_nanos": 50 * CENT, "reason": "the deadline"}


def test_an_end_lowers_only_the_window_it_belongs_to(budget, bob):
    _top_up(budget, bob, until=NOON + HOUR)
    other = make_window(limits.create_budget(user=bob, period="total", limit_nanos=7))
    topups.end_expired(timezone.now() + timedelta(days=3650))
    other.refresh_from_db()
    assert other.limit_nanos == 7

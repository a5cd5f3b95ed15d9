"""What people may do with their own limits, and that nobody is without one by accident."""

import pytest
from django.utils import timezone

from router_app.budgets import limits, self_service
from router_app.budgets.self_service import NotYours
from router_app.models import Budget, User
from tests.factories import CENT, DOLLAR, make_budget, make_user, make_window

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob() -> User:
    user = make_user("bob", time_zone="Africa/Cairo")
    limits.ensure_starting_budget(user)
    return user


def test_the_starting_limit_comes_from_the_setting_in_the_persons_zone(settings):
    settings.NEW_ACCOUNT_MONTHLY_NANOS = 3 * DOLLAR
    user = make_user(time_zone="Asia/Tokyo")

    budget = limits.ensure_starting_budget(user)

    assert budget is not None
    assert (budget.period, budget.limit_nanos, budget.task_type) == ("month", 3 * DOLLAR, "")
    assert budget.time_zone == "Asia/Tokyo"
    assert not budget.set_by_administrator


def test_ensuring_twice_makes_one_limit(bob):
    assert limits.ensure_starting_budget(bob) is None
    assert bob.budgets.count() == 1


@pytest.mark.parametrize("period", ["month", "total"])
def test_a_general_limit_of_any_kind_is_enough(period):
    user = make_user()
    make_budget(user, period=period, set_by_administrator=True)
    assert limits.ensure_starting_budget(user) is None


@pytest.mark.parametrize("fields", [{"period": "day"}, {"task_type": "code"}, {"is_active": False}])
def test_a_limit_that_does_not_bound_everything_is_not(fields):
    user = make_user()
    make_budget(user, **fields)
    assert limits.ensure_starting_budget(user) is not None


def test_an_administrators_choice_that_somebody_needs_none_stands():
    assert limits.ensure_starting_budget(make_user(unlimited=True)) is None


def test_a_further_limit_holds_from_now_on(bob):
    budget = self_service.create_own_limit(
        user=bob, period="day", limit_nanos=50 * CENT, task_type="code"
    )
    assert budget.name == "Daily limit for code"
    assert budget.time_zone == "Africa/Cairo"


def test_one_of_each_kind_is_enough(bob):
    with pytest.raises(NotYours, match="already have a monthly limit"):
        self_service.create_own_limit(user=bob, period="month", limit_nanos=DOLLAR)


def test_an_administrators_limit_does_not_stand_in_the_way_of_ones_own(bob):
    make_budget(bob, period="week", set_by_administrator=True)
    self_service.create_own_limit(user=bob, period="week", limit_nanos=DOLLAR)
    assert bob.budgets.filter(period="week").count() == 2


@pytest.mark.parametrize(("above", "allowed"), [(0, True), (1, False)])
def test_people_set_limits_up_to_the_ceiling(bob, settings, above, allowed):
    most = settings.SELF_SERVICE_MAX_NANOS + above
    budget = bob.budgets.get()
    if allowed:
        self_service.change_own_limit(budget, limit_nanos=most, now=timezone.now())
        self_service.create_own_limit(user=bob, period="day", limit_nanos=most)
        return
    with pytest.raises(NotYours, match=r"up to \$100\.00"):
        self_service.change_own_limit(budget, limit_nanos=most, now=timezone.now())
    with pytest.raises(NotYours, match="administrator can set higher"):
        self_service.create_own_limit(user=bob, period="day", limit_nanos=most)


def test_an_administrators_limit_is_seen_and_not_touched(bob):
    budget = make_budget(bob, set_by_administrator=True)
    with pytest.raises(NotYours):
        self_service.change_own_limit(budget, limit_nanos=DOLLAR, now=timezone.now())
    with pytest.raises(NotYours):
        self_service.close_own_limit(budget)
    assert Budget.objects.get(pk=budget.pk).is_active


def test_the_last_general_limit_can_be_changed_and_not_closed(bob):
    first = bob.budgets.get()
    make_budget(bob, period="day")
    make_budget(bob, period="month", task_type="code")

    with pytest.raises(NotYours, match="last limit for all tasks"):
        self_service.close_own_limit(first)

    second = self_service.create_own_limit(user=bob, period="total", limit_nanos=DOLLAR)
    self_service.close_own_limit(first)
    with pytest.raises(NotYours):
        self_service.close_own_limit(second)


def test_who_needs_no_limit_may_close_the_last_one(bob):
    User.objects.filter(pk=bob.pk).update(unlimited=True)
    budget = Budget.objects.select_related("user").get(user=bob)
    self_service.close_own_limit(budget)
    assert not limits.general_limits(bob).exists()


def test_a_limit_below_what_is_spent_is_allowed_and_leaves_nothing_free(bob):
    budget = bob.budgets.get()
    window = make_window(budget, spent_nanos=4 * DOLLAR)

    self_service.change_own_limit(budget, limit_nanos=DOLLAR, now=timezone.now())

    window.refresh_from_db()
    assert (window.limit_nanos, window.free_nanos) == (DOLLAR, 0)

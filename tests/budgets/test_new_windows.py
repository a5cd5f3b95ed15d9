"""Where a budget's next window begins and ends when zones or clocks are changed."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from router_app.budgets.windows import period_bounds
from router_app.models import Budget, Window
from tests.budgets.applying import windows_for
from tests.factories import make_budget, make_user

pytestmark = pytest.mark.django_db

# At each full hour of UTC it is midnight in one of them.
ZONES = [f"Etc/GMT{hour:+d}" for hour in range(-14, 13)]


def soonest_over(period: str, now: datetime) -> str:
    """The zone in which the period ends first."""

    def end(zone: str) -> datetime:
        return period_bounds(period, ZoneInfo(zone), now)[1] or now

    return min(ZONES, key=end)


@pytest.mark.parametrize(("period", "most"), [("day", 4), ("week", 2), ("month", 2)])
def test_moving_around_the_world_brings_no_further_limits(period: str, most: int) -> None:
    # Three days over the end of a month and the begin of a week, always where it is almost over.
    user = make_user()
    budget = make_budget(user, 100, period=period)
    begin = datetime(2026, 11, 29, tzinfo=UTC)
    for half_hours in range(3 * 48):
        now = begin + timedelta(hours=half_hours / 2)
        Budget.objects.filter(pk=budget.pk).update(time_zone=soonest_over(period, now))
        assert len(windows_for(user.pk, "general", now)) == 1

    windows = Window.objects.filter(budget=budget).order_by("starts_at")
    assert len(windows) <= most
    for one, following in pairwise(windows):
        assert one.ends_at == following.starts_at


def test_a_clock_that_was_ahead_does_not_close_the_budget() -> None:
    # Another machine's was, over midnight; and nobody had asked that day.
    user = make_user()
    make_budget(user, 100, period="day")
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    (ahead,) = windows_for(user.pk, "general", midnight + timedelta(milliseconds=500))
    (today,) = windows_for(user.pk, "general", midnight - timedelta(milliseconds=500))
    assert (today.starts_at, today.ends_at) == (midnight - timedelta(days=1), midnight)
    assert ahead.starts_at == midnight

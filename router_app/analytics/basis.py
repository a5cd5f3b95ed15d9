"""What forecasts of budgets are made from, read for any number of budgets at once.

A budget's days are those of whom it bounds, in its own zone, also from before there was the budget.
Days on which it had run out are unknown: nobody can say what would have been asked. Budgets of the
same people and zone are read together.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from router_app.analytics.bounded import Bounded, Narrowing, bounded_by, narrowing_of
from router_app.analytics.days import Calendar, Days, spent_by_day
from router_app.analytics.filled import Filled, full_windows, run_out_days, running_windows
from router_app.analytics.forecast import History
from router_app.analytics.ranges import start_of_day
from router_app.models import Budget, Period


@dataclass(frozen=True, slots=True)
class Basis:
    """All that is known of a budget when its running window is forecast. Nano-dollars."""

    period: str
    zone: ZoneInfo
    now: datetime
    window: Filled
    spent_by_day: tuple[int, ...]  # whole days of the zone, the last of which is yesterday
    history: History  # the same, but for days on which the budget had run out
    today_nanos: int
    days_left: int | None  # whole days of the window after today; None: it has no end

    @property
    def today_fraction(self) -> float:
        """How much of today has passed, from 0 to 1."""
        begins, ends = self.span(self.history.today)
        # A clock that is put back over midnight may bring back a day that was over.
        return min(1.0, max(0.0, (self.now - begins) / (ends - begins)))

    @property
    def spent_nanos(self) -> int:
        """What the window has cost until now."""
        return self.window.spent_nanos

    @property
    def limit_nanos(self) -> int:
        """What it may cost as things stand, top-ups included."""
        return max(0, self.window.limit_nanos(self.now))

    def span(self, day: date) -> tuple[datetime, datetime]:
        """When a day begins and ends in the budget's zone; UTC instants."""
        ends = start_of_day(day + timedelta(days=1), self.zone)
        return start_of_day(day, self.zone), ends


def bases_of(budgets: Collection[Budget], now: datetime, *, days: int) -> dict[int, Basis]:
    """By budget id, what a forecast of each is made from, looking so many days back.

    Two queries for windows, two for their top-ups, and three for all budgets of the same people
    and zone.
    """
    running = running_windows(budgets, now)
    full = full_windows(budgets, now - timedelta(days=days + 1), now)
    spent = _spent(budgets, now, days)
    bases = {}
    for budget in budgets:
        calendar, found = spent[budget.pk]
        windows = [*full.get(budget.pk, ()), running[budget.pk]]
        bases[budget.pk] = _basis(budget, calendar, found, windows, now)
    return bases


def _basis(
    budget: Budget, calendar: Calendar, found: Days, windows: Sequence[Filled], now: datetime
) -> Basis:
    """`windows` are those that had run out, and the running one as the last."""
    running = windows[-1]
    unknown: set[int] = set()
    for window in windows:
        spent = window.spent_nanos - (found.today_nanos if window is running else 0)
        days = found.past_nanos
        unknown.update(run_out_days(window, calendar.first_day, days, calendar.zone, spent))
    known = tuple(None if n in unknown else day for n, day in enumerate(found.past_nanos))
    # Of a day that is cut short the times say nothing, today's included.
    has_run_out = running.spent_nanos >= running.limit_nanos(now)
    return Basis(
        period=budget.period,
        zone=calendar.zone,
        now=now,
        window=running,
        spent_by_day=found.past_nanos,
        history=History(calendar.first_day, known, None if has_run_out else found.later_nanos),
        today_nanos=found.today_nanos,
        days_left=_days_left(budget, running, calendar.today),
    )


def _spent(budgets: Iterable[Budget], now: datetime, days: int) -> dict[int, tuple[Calendar, Days]]:
    """By budget id, its calendar and what its days cost."""
    wanted: dict[tuple[Bounded, Calendar], dict[Narrowing, list[int]]] = {}
    for budget in budgets:
        bounded, zone = bounded_by(budget), ZoneInfo(budget.time_zone)
        # Of everybody's days the times would be too many rows.
        calendar = Calendar.until(now, zone, days=days, with_times=not bounded.is_everybody)
        parts = wanted.setdefault((bounded, calendar), {})
        parts.setdefault(narrowing_of(budget), []).append(budget.pk)
    spent: dict[int, tuple[Calendar, Days]] = {}
    for (bounded, calendar), parts in wanted.items():
        for narrowing, found in spent_by_day(bounded, calendar, list(parts)).items():
            spent.update((pk, (calendar, found)) for pk in parts[narrowing])
    return spent


def _days_left(budget: Budget, window: Filled, today: date) -> int | None:
    """Whole days of the running window after today."""
    if budget.period == Period.TOTAL:
        return None
    if window.ends_at is not None:
        zone = ZoneInfo(budget.time_zone)
        last = (window.ends_at - timedelta.resolution).astimezone(zone).date()
        return max(0, (last - today).days)
    if budget.period == Period.WEEK:
        return 6 - today.weekday()
    if budget.period == Period.MONTH:
        following = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        return (following - today).days - 1
    return 0

"""Windows as forecasts see them: what is spent in them, and on which days they had run out."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import F, Q

from router_app.analytics.ranges import start_of_day
from router_app.models import Budget, TopUp, Window

_HARDLY = 20  # where less than this part is free, a request's ceiling hardly ever fits
_INSTANT = timedelta.resolution


@dataclass(frozen=True, slots=True)
class Filled:
    """One window of a budget. Amounts in nano-dollars."""

    starts_at: datetime | None  # None: not made yet, nothing was asked in it
    ends_at: datetime | None  # None: never, or as the budget's period says where it is not made
    last_limit_nanos: int
    spent_nanos: int = 0  # with what was billed above what had been held
    top_ups: Sequence[TopUp] = field(default=())

    def limit_nanos(self, moment: datetime) -> int:
        """The limit in force at a moment, top-ups included."""
        limit = self.last_limit_nanos
        for each in self.top_ups:
            in_force = each.created_at <= moment and (each.until is None or moment < each.until)
            limit += each.amount_nanos * (in_force - (each.ended_at is None))
        return limit


def running_windows(budgets: Collection[Budget], now: datetime) -> dict[int, Filled]:
    """By budget id, the window that `now` lies in: one query, and one where there are top-ups."""
    found = _read(Q(starts_at__lte=now) & (Q(ends_at=None) | Q(ends_at__gt=now)), budgets)
    running = dict(found)
    return {
        budget.pk: running.get(budget.pk) or Filled(None, None, budget.limit_nanos)
        for budget in budgets
    }


def full_windows(
    budgets: Collection[Budget], since: datetime, now: datetime
) -> dict[int, list[Filled]]:
    """By budget id, the windows that ended after `since` and had, at their end, hardly anything
    free beside top-ups."""
    base = F("limit_nanos") - F("topped_up_nanos")
    full = Q(used_nanos__gte=base - base / _HARDLY)
    windows: dict[int, list[Filled]] = {}
    for budget_id, window in _read(Q(ends_at__gt=since, ends_at__lte=now) & full, budgets):
        windows.setdefault(budget_id, []).append(window)
    return windows


def _read(which: Q, budgets: Collection[Budget]) -> list[tuple[int, Filled]]:
    used = F("spent_nanos") + F("overage_nanos")
    windows = list(
        Window.objects.order_by()
        .alias(used_nanos=used)
        .filter(which, budget_id__in=[budget.pk for budget in budgets])
    )
    top_ups: dict[int, list[TopUp]] = {}
    for each in TopUp.objects.filter(window__in=windows) if windows else ():
        top_ups.setdefault(each.window_id, []).append(each)
    return [
        (
            window.budget_id,
            Filled(
                window.starts_at,
                window.ends_at,
                window.limit_nanos,
                window.spent_nanos + window.overage_nanos,
                top_ups.get(window.pk, ()),
            ),
        )
        for window in windows
    ]


def run_out_days(
    window: Filled, first_day: date, days_nanos: Sequence[int], zone: ZoneInfo, spent_nanos: int
) -> Iterator[int]:
    """Numbers of the days at whose end hardly anything of the window was free.

    Days are whole, oldest first from `first_day`, and `spent_nanos` is what the window had cost at
    the end of the last of them that lies in it. What was asked for on such days is not known.
    """
    if window.starts_at is None:
        return
    begins = (window.starts_at.astimezone(zone).date() - first_day).days
    ends_at = window.ends_at or start_of_day(first_day + timedelta(len(days_nanos)), zone)
    last = ((ends_at - _INSTANT).astimezone(zone).date() - first_day).days
    for number in range(min(last, len(days_nanos) - 1), max(begins, 0) - 1, -1):
        evening = start_of_day(first_day + timedelta(number + 1), zone)
        limit = window.limit_nanos(min(evening, ends_at) - _INSTANT)
        if spent_nanos * _HARDLY >= limit * (_HARDLY - 1):
            yield number
        spent_nanos -= days_nanos[number]

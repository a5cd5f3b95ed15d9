"""Which windows the cost of a request must be held in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Max, Min, Q, Sum
from django.db.models.functions import Coalesce

from router_app.budgets.windows import period_bounds
from router_app.errors import Unavailable
from router_app.models import Budget, Window
from router_app.models.rows import instant, select
from router_app.routing.pace import Pace

_SECOND = timedelta(seconds=1)


@dataclass(slots=True)
class OpenWindow:
    """A window that an admission decides on: read once for a batch, lowered by each hold of it."""

    pk: int
    budget: Budget
    starts_at: datetime
    ends_at: datetime | None
    limit_nanos: int
    topped_up_nanos: int
    spent_nanos: int
    reserved_nanos: int
    overage_nanos: int

    @property
    def left_nanos(self) -> int:
        """Its limit less all that is used of it; a debt is negative."""
        return self.limit_nanos - self.spent_nanos - self.overage_nanos - self.reserved_nanos

    @property
    def free_nanos(self) -> int:
        """What may still be held; never negative."""
        return max(0, self.left_nanos)

    def pace(self, now: datetime) -> Pace | None:
        """How far its money and its time are gone; None where it never ends."""
        if self.ends_at is None:
            return None
        return Pace(
            budget=self.budget.name,
            budget_pk=self.budget.pk,
            gone_nanos=self.limit_nanos - self.left_nanos,
            limit_nanos=self.limit_nanos,
            passed_seconds=(now - self.starts_at) // _SECOND,
            window_seconds=(self.ends_at - self.starts_at) // _SECOND,
            model_pk=self.budget.model_id,
        )


def current_windows(budgets: Iterable[Budget], now: datetime) -> dict[int, OpenWindow]:
    """By budget id, the window that `now` lies in; made where it is missing.

    To be called in a transaction, before it locks windows: budgets come first. Raises Unavailable
    rather than leave a budget out.
    """
    wanted = {budget.pk: budget for budget in budgets}
    found = _read(wanted, now)
    if missing := wanted.keys() - found.keys():
        # Locked, so that a limit which is being changed now is the new window's limit too.
        rows = Budget.objects.select_for_update(no_key=True).filter(pk__in=missing).order_by("pk")
        Window.objects.bulk_create([_new_window(row, now) for row in rows], ignore_conflicts=True)
        found = _read(wanted, now)
    if len(found) < len(wanted):
        raise Unavailable("A budget could not be opened. Try again in a few seconds.")
    return found


def lock_windows(window_ids: Iterable[int], budget_ids: Iterable[int], *, now: datetime) -> None:
    """Lock these windows, and those of the budgets that `now` lies in, in the order of their keys.

    Whoever locks several rows of several kinds begins here, so that two processes never wait for
    each other in a circle; only budgets are locked before. SQLite has one writer anyway.
    """
    if connection.vendor == "postgresql":
        select(_LOCK, [list(window_ids), list(budget_ids), now, now])


def open_windows(budgets: dict[int, Budget], now: datetime) -> dict[int, Window]:
    """By budget id, the window that `now` lies in, where there is one already; to be read only.

    Its limit is the one in force: without top-ups that are over, also before they are ended.
    """
    running = Q(ends_at__isnull=True) | Q(ends_at__gt=now)
    windows = Window.objects.filter(running, budget_id__in=budgets, starts_at__lte=now)
    over = Q(top_ups__ended_at=None, top_ups__until__lte=now)
    found = windows.annotate(over_nanos=Coalesce(Sum("top_ups__amount_nanos", filter=over), 0))
    for window in found:
        window.limit_nanos -= window.over_nanos
        window.topped_up_nanos -= window.over_nanos
    return {window.budget_id: window for window in found}


def _read(budgets: Mapping[int, Budget], now: datetime) -> dict[int, OpenWindow]:
    if not budgets:
        return {}
    marks = ", ".join("?" * len(budgets))
    rows = select(_SELECT.format(marks=marks), [*budgets, now, now])
    windows = {}
    for pk, budget_id, starts_at, ends_at, *counters in rows:
        begin = instant(starts_at)
        assert begin is not None  # noqa: S101  the column is not nullable
        windows[budget_id] = OpenWindow(pk, budgets[budget_id], begin, instant(ends_at), *counters)
    return windows


_SELECT = (
    "SELECT id, budget_id, starts_at, ends_at, "
    "limit_nanos, topped_up_nanos, spent_nanos, reserved_nanos, overage_nanos "
    "FROM router_app_window "
    "WHERE budget_id IN ({marks}) AND starts_at <= ? AND (ends_at IS NULL OR ends_at > ?)"
)

_LOCK = (
    "SELECT id FROM router_app_window WHERE id = ANY(?) OR (budget_id = ANY(?) "
    "AND starts_at <= ? AND (ends_at IS NULL OR ends_at > ?)) ORDER BY id FOR UPDATE"
)


def _new_window(budget: Budget, now: datetime) -> Window:
    starts_at, ends_at = _bounds(budget, now)
    return Window(
        budget=budget,
        starts_at=starts_at,
        ends_at=ends_at,
        limit_nanos=budget.limit_nanos,
        peak_limit_nanos=budget.limit_nanos,
    )


def _bounds(budget: Budget, now: datetime) -> tuple[datetime, datetime | None]:
    """Of the period that `now` lies in, between the windows that are there already."""
    zone = ZoneInfo(budget.time_zone)
    starts_at, ends_at = period_bounds(budget.period, zone, now)
    around = budget.windows.aggregate(
        last_end=Max("ends_at", filter=Q(ends_at__lte=now)),
        next_start=Min("starts_at", filter=Q(starts_at__gt=now)),
    )
    if ends_at and around["last_end"] and around["last_end"] > starts_at:
        # The zone was changed and the period has begun before. What is left of it belongs to the
        # next one: a window of its own would bring its whole limit, with each move one more.
        starts_at, (_, ends_at) = around["last_end"], period_bounds(budget.period, zone, ends_at)
    if ends_at and around["next_start"]:  # made by a clock that was ahead
        ends_at = min(ends_at, around["next_start"])
    return starts_at, ends_at

"""What a person has left, for pages and replies. Reads only."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from router_app.budgets.ledger import Counters
from router_app.budgets.plans import OpenWindow, open_windows
from router_app.budgets.windows import period_bounds
from router_app.models import Budget, Window

_ORDER = {"day": 0, "week": 1, "month": 2, "total": 3}


class Statement(Struct, frozen=True):
    """One budget as it stands. Amounts in nano-dollars; spent, held and free are three things."""

    budget_id: int
    name: str
    period: str
    task_type: str
    limit_nanos: int
    spent_nanos: int
    reserved_nanos: int
    overage_nanos: int
    free_nanos: int
    starts_at: datetime
    resets_at: datetime | None
    time_zone: str
    set_by_administrator: bool


def statements_of(user_id: int, *, now: datetime) -> list[Statement]:
    """Every active budget of a person, the shortest period first."""
    budgets = {b.pk: b for b in Budget.objects.filter(user_id=user_id, is_active=True)}
    windows = open_windows(budgets, now)
    found = [
        statement_of(budget, windows.get(pk) or _coming(budget, now))
        for pk, budget in budgets.items()
    ]
    return in_order(found)


def in_order(statements: Iterable[Statement]) -> list[Statement]:
    """The shortest period first; those for one task after those for all."""
    return sorted(statements, key=lambda s: (_ORDER[s.period], bool(s.task_type), s.budget_id))


def statement_of(
    budget: Budget, window: Window | OpenWindow, counters: Counters | None = None
) -> Statement:
    """One budget in one of its windows; with the counters as they are now, where given."""
    now = counters or window
    used = now.spent_nanos + now.overage_nanos + now.reserved_nanos
    return Statement(
        budget_id=budget.pk,
        name=budget.name,
        period=budget.period,
        task_type=budget.task_type,
        limit_nanos=now.limit_nanos,
        spent_nanos=now.spent_nanos,
        reserved_nanos=now.reserved_nanos,
        overage_nanos=now.overage_nanos,
        free_nanos=max(0, now.limit_nanos - used),
        starts_at=window.starts_at,
        resets_at=window.ends_at,
        time_zone=budget.time_zone,
        set_by_administrator=budget.set_by_administrator,
    )


def _coming(budget: Budget, now: datetime) -> Window:
    """The window that the next request will make."""
    starts_at, ends_at = period_bounds(budget.period, ZoneInfo(budget.time_zone), now)
    return Window(starts_at=starts_at, ends_at=ends_at, limit_nanos=budget.limit_nanos)

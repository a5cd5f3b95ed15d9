"""What a person has left, for pages and replies. Reads only."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from router_app.budgets.ledger import Counters
from router_app.budgets.levels import bounding
from router_app.budgets.plans import OpenWindow, open_windows
from router_app.budgets.windows import period_bounds
from router_app.models import Budget, Membership, Window

_ORDER = {"day": 0, "week": 1, "month": 2, "total": 3}


class Statement(Struct, frozen=True):
    """One budget as it stands. Amounts in nano-dollars; spent, held and free are three things."""

    budget_id: int
    level: str
    name: str
    period: str
    task_type: str
    model_pk: int | None  # None: all models
    limit_nanos: int
    topped_up_nanos: int  # the part of the limit that top-ups have added to this window
    spent_nanos: int
    reserved_nanos: int
    overage_nanos: int
    free_nanos: int
    starts_at: datetime
    resets_at: datetime | None
    time_zone: str
    set_by_administrator: bool


def statements_of(member: Membership, *, now: datetime) -> list[Statement]:
    """Every active budget that bounds what a member asks in the workspace, of every level but
    those of keys; the shortest period first."""
    return statements_for(bounding(member), now=now)


def statements_for(found: Iterable[Budget], *, now: datetime) -> list[Statement]:
    """These budgets as they stand, the shortest period first."""
    budgets = {budget.pk: budget for budget in found}
    windows = open_windows(budgets, now)
    stated = [
        statement_of(budget, windows.get(pk) or _coming(budget, now))
        for pk, budget in budgets.items()
    ]
    return in_order(stated)


def in_order(statements: Iterable[Statement]) -> list[Statement]:
    """The shortest period first; those for one task or model after those for all."""
    return sorted(statements, key=_place)


def statement_of(
    budget: Budget, window: Window | OpenWindow, counters: Counters | None = None
) -> Statement:
    """One budget in one of its windows; with the counters as they are now, where given."""
    now = counters or window
    used = now.spent_nanos + now.overage_nanos + now.reserved_nanos
    return Statement(
        budget_id=budget.pk,
        level=budget.level,
        name=budget.name,
        period=budget.period,
        task_type=budget.task_type,
        model_pk=budget.model_id,
        limit_nanos=now.limit_nanos,
        topped_up_nanos=window.topped_up_nanos,
        spent_nanos=now.spent_nanos,
        reserved_nanos=now.reserved_nanos,
        overage_nanos=now.overage_nanos,
        free_nanos=max(0, now.limit_nanos - used),
        starts_at=window.starts_at,
        resets_at=window.ends_at,
        time_zone=budget.time_zone,
        set_by_administrator=budget.set_by_administrator,
    )


def _place(statement: Statement) -> tuple[int, bool, int]:
    is_narrow = bool(statement.task_type) or statement.model_pk is not None
    return _ORDER[statement.period], is_narrow, statement.budget_id


def _coming(budget: Budget, now: datetime) -> Window:
    """The window that the next request will make."""
    starts_at, ends_at = period_bounds(budget.period, ZoneInfo(budget.time_zone), now)
    return Window(starts_at=starts_at, ends_at=ends_at, limit_nanos=budget.limit_nanos)

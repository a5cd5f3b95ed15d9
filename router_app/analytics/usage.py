"""The usage rollup: what closed calls came to, summed in the transaction that closes them.

A call is in one row of each period's length, a quarter of an hour, an hour and a day of UTC, by the
moment its attempt was admitted (`Call.created_at`): that is the day whose budget paid for it. Any
time zone in use today begins its days on a quarter of an hour, so any range of days is a sum of few
rows; a changed time zone changes nothing here.

    add_usage       calls were closed: by whoever closed them, once
    correct_usage   a closed call turned out to cost something else

Each is one statement, whatever the number of calls, and locks its rows in the order of their keys,
so that two processes never wait for each other in a circle. What the rows must say, and putting
them right: `usage_rebuild.py`.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection

from router_app.analytics.periods import DAY, HOUR, QUARTER
from router_app.models import Call, UsageRollup

KEY = ("workspace_id", "user_id", "seconds", "starts_at", "model_id", "task_type", "key_id")
SUMS = (
    "calls",
    "requests",
    "cost_nanos",
    "estimated_nanos",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
)
_COST = SUMS.index("cost_nanos")
MOST_ROWS = 500  # of one statement

Key = tuple[int, int, int, Any, int, str, int]
_Row = tuple[Key, list[int]]


class Whose(NamedTuple):
    """What a sum is kept apart by, besides its period."""

    workspace_id: int
    user_id: int
    model_pk: int
    task_type: str
    key_id: int = 0  # the API key's; 0: asked without one


_Quarters = dict[tuple[Whose, datetime], list[int]]


@dataclass(frozen=True, slots=True)
class UsageFacts:
    """What the rollup wants to know of a call that was just closed. Costs in nano-dollars."""

    whose: Whose
    at: datetime  # when the attempt was admitted: Call.created_at
    cost_nanos: int = 0
    estimated_nanos: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    was_sent: bool = True
    attempt: int = 1
    decision_id: uuid.UUID | None = None  # of a further attempt

    @classmethod
    def of(cls, call: Call) -> "UsageFacts":
        """The facts of a closed call's row, not counting corrections."""
        return cls(
            whose=whose_is(call),
            at=call.created_at,
            cost_nanos=call.cost_nanos,
            estimated_nanos=call.estimated_nanos,
            input_tokens=call.input_tokens,
            cached_tokens=call.cached_tokens,
            output_tokens=call.output_tokens,
            reasoning_tokens=call.reasoning_tokens,
            was_sent=call.sent_at is not None,
            attempt=call.attempt,
            decision_id=call.decision_id,
        )


def add_usage(facts: Sequence[UsageFacts]) -> None:
    """Count calls that the caller has just closed in this transaction, each exactly once."""
    quarters: _Quarters = {}
    for call in facts:
        sums = _sums(quarters, call.whose, call.at)
        sums[0] += 1
        sums[1] += call.was_sent
        sums[2] += call.cost_nanos
        sums[3] += call.estimated_nanos
        sums[4] += call.input_tokens
        sums[5] += call.cached_tokens
        sums[6] += call.output_tokens
        sums[7] += call.reasoning_tokens
        if call.attempt > 1 and call.was_sent:
            _replace(quarters, call)
    _upsert(quarters)


def whose_is(call: Call) -> Whose:
    """What the call of this row is counted under; reads its decision's key."""
    key_id = call.decision.api_key_id or 0
    return Whose(call.workspace_id, call.user_id, call.model_id, call.task_type, key_id)


def correct_usage(*, whose: Whose, at: datetime, delta_nanos: int) -> None:
    """Carry the correction of a closed call, by `delta_nanos`, in the transaction that books it."""
    quarters: _Quarters = {}
    _sums(quarters, whose, at)[_COST] += delta_nanos
    _upsert(quarters)


def _replace(quarters: _Quarters, call: UsageFacts) -> None:
    """A request counts where its last attempt does, so no longer where the one before did."""
    before = Call.objects.filter(
        decision=call.decision_id, attempt__lt=call.attempt, sent_at__isnull=False
    ).order_by("-attempt")
    for model_pk, task_type, at in before.values_list("model_id", "task_type", "created_at")[:1]:
        replaced = call.whose._replace(model_pk=model_pk, task_type=task_type)
        _sums(quarters, replaced, at)[1] -= 1


def _sums(quarters: _Quarters, whose: Whose, at: datetime) -> list[int]:
    key = (whose, _quarter(at))
    sums = quarters.get(key)
    if sums is None:
        sums = quarters[key] = [0] * len(SUMS)
    return sums


def _quarter(at: datetime) -> datetime:
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)


def _upsert(quarters: _Quarters) -> None:
    rows = sorted(_all_periods(quarters).items())
    run = _on_sqlite if connection.vendor == "sqlite" else _on_postgresql
    for start in range(0, len(rows), MOST_ROWS):
        run(rows[start : start + MOST_ROWS])


def _all_periods(quarters: _Quarters) -> dict[Key, list[int]]:
    rows: dict[Key, list[int]] = {}
    for (whose, quarter), sums in quarters.items():
        workspace_id, user_id, model_pk, task_type, key_id = whose
        for seconds, starts_at in _periods(quarter, connection.vendor):
            key = (workspace_id, user_id, seconds, starts_at, model_pk, task_type, key_id)
            known = rows.get(key)
            rows[key] = sums if known is None else [a + b for a, b in zip(known, sums, strict=True)]
    return rows


@lru_cache(maxsize=64)  # calls that are closed now were made just now
def _periods(quarter: datetime, vendor: str) -> tuple[tuple[int, Any], ...]:
    """Length and beginning, as the database is given it, of each period with this quarter in it."""
    hour = quarter.replace(minute=0)
    adapt = connection.ops.adapt_datetimefield_value
    return ((QUARTER, adapt(quarter)), (HOUR, adapt(hour)), (DAY, adapt(hour.replace(hour=0))))


def _on_sqlite(rows: Sequence[_Row]) -> None:
    # Beneath Django's cursor, which rewrites every placeholder of every statement.
    connection.ensure_connection()
    values = [value for key, sums in rows for value in (*key, *sums)]
    with connection.wrap_database_errors:
        connection.connection.execute(_statement(_MARKS * len(rows)), values)


def _on_postgresql(rows: Sequence[_Row]) -> None:
    # Numbers stand in the statement itself: a placeholder costs the driver more than the database.
    values: list[Any] = []
    marks: list[str] = []
    for (workspace_id, user_id, seconds, starts_at, model_pk, task_type, key_id), sums in rows:
        values += (starts_at, task_type)
        marks.append(_NUMBERS % (workspace_id, user_id, seconds, model_pk, key_id, *sums))
    with connection.cursor() as cursor:
        cursor.execute(_statement(tuple(marks)), values)


_MARKS = (f"({', '.join('?' * len((*KEY, *SUMS)))})",)
_NUMBERS = f"(%d, %d, %d, %%s, %d, %%s, %d, {', '.join(['%d'] * len(SUMS))})"


def _statement(rows: tuple[str, ...]) -> str:
    return f"{_INSERT} {', '.join(rows)} {_RAISE}"


_TABLE = UsageRollup._meta.db_table
_INSERT = f"INSERT INTO {_TABLE} ({', '.join((*KEY, *SUMS))}) VALUES"
_RAISE = f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET " + ", ".join(
    f"{column} = {_TABLE}.{column} + excluded.{column}" for column in SUMS
)

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
from typing import NamedTuple

from router_app.analytics.periods import DAY, HOUR, QUARTER
from router_app.models import Call, UsageRollup
from router_app.models.rows import insert_rows

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

Key = tuple[int, int, int, datetime, int, str, int]


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
    rows = [(*key, *sums) for key, sums in sorted(_all_periods(quarters).items())]
    for start in range(0, len(rows), MOST_ROWS):
        some = rows[start : start + MOST_ROWS]
        insert_rows(UsageRollup, (*KEY, *SUMS), some, conflict=_RAISE)


def _all_periods(quarters: _Quarters) -> dict[Key, list[int]]:
    rows: dict[Key, list[int]] = {}
    for (whose, quarter), sums in quarters.items():
        workspace_id, user_id, model_pk, task_type, key_id = whose
        for seconds, starts_at in _periods(quarter):
            key = (workspace_id, user_id, seconds, starts_at, model_pk, task_type, key_id)
            known = rows.get(key)
            rows[key] = sums if known is None else [a + b for a, b in zip(known, sums, strict=True)]
    return rows


def _periods(quarter: datetime) -> tuple[tuple[int, datetime], ...]:
    """Length and beginning of each period with this quarter in it."""
    hour = quarter.replace(minute=0)
    return ((QUARTER, quarter), (HOUR, hour), (DAY, hour.replace(hour=0)))


_TABLE = UsageRollup._meta.db_table
_RAISE = f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET " + ", ".join(
    f"{column} = {_TABLE}.{column} + excluded.{column}" for column in SUMS
)

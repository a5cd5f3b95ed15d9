"""The calls of a scope, summed by the database per bucket of time and what else is asked for.

Everything the dashboard says is a sum of these cells. They are put together from the usage rollup,
a few thousand rows however many calls there are; from closed calls themselves where a bucket begins
or ends within a quarter of an hour; and from what is under way, which is not in the rollup yet. One
statement reads all three, so a call that is closed meanwhile is in exactly one of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from django.db import connection

from router_app.analytics.periods import Piece, pieces_of
from router_app.analytics.ranges import Bucket
from router_app.analytics.scope import Scope


@dataclass(frozen=True, slots=True)
class Totals:
    """Requests, nano-dollars and tokens."""

    requests: int = 0
    cost_nanos: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            self.requests + other.requests,
            self.cost_nanos + other.cost_nanos,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
        )

    def __sub__(self, other: "Totals") -> "Totals":
        return Totals(
            self.requests - other.requests,
            self.cost_nanos - other.cost_nanos,
            self.input_tokens - other.input_tokens,
            self.output_tokens - other.output_tokens,
        )

    @property
    def average_cost_nanos(self) -> int:
        """Cost per request, rounded half up to a whole nano-dollar; 0 without requests."""
        if not self.requests:
            return 0
        return (2 * self.cost_nanos + self.requests) // (2 * self.requests)

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Cell:
    """What one model cost for one task in one bucket."""

    bucket: int  # index into the buckets asked for
    model_pk: int
    task: str
    totals: Totals


class HasTotals(Protocol):
    """Anything that can be summed up."""

    @property
    def totals(self) -> Totals: ...


def sum_totals(parts: Iterable[HasTotals]) -> Totals:
    """All parts together."""
    return sum((part.totals for part in parts), Totals())


class Dimension(StrEnum):
    """By what calls can be told apart; each is an id but the task, which is a word."""

    MODEL = "model"
    TASK = "task"
    MEMBER = "member"
    KEY = "key"  # 0: asked without one


def cells(scope: Scope, buckets: Sequence[Bucket]) -> list[Cell]:
    """The scope's calls in buckets that lie end to end. Cells without calls are left out."""
    found = sums_by(scope, buckets, (Dimension.MODEL, Dimension.TASK))
    return [Cell(bucket, pk, task, sums) for (bucket, pk, task), sums in found]


def sums_by(
    scope: Scope, buckets: Sequence[Bucket], dimensions: Sequence[Dimension]
) -> list[tuple[tuple[Any, ...], Totals]]:
    """(bucket, then a value for each dimension) -> sums, as far as there are any."""
    pieces = pieces_of(buckets)
    if not pieces:
        return []
    with connection.cursor() as cursor:
        sql = _statement(scope, len(pieces), dimensions)
        cursor.execute(sql, [*_values(pieces), *scope.values * 4])
        rows = cursor.fetchall()
    count = 1 + len(dimensions)
    # PostgreSQL sums 64-bit integers as numeric, which arrives as a Decimal.
    return [(row[:count], Totals(*map(int, row[count:]))) for row in rows]


def _values(pieces: Iterable[Piece]) -> Iterable[Any]:
    adapt = connection.ops.adapt_datetimefield_value
    for bucket, seconds, begins, ends in pieces:
        yield from (bucket, seconds, adapt(begins), adapt(ends))


def _statement(scope: Scope, pieces: int, dimensions: Sequence[Dimension]) -> str:
    mark, each = _DIALECTS[connection.vendor]
    mine = scope.condition("found")
    columns = [[_COLUMNS[part][dimension] for dimension in dimensions] for part in _PARTS]
    named = [f"{column} AS {name}" for column, name in zip(columns[0], dimensions, strict=True)]
    of_part = dict(zip(_PARTS, (", ".join(each) for each in (named, *columns[1:])), strict=True))
    return _SUMS.format(
        pieces=", ".join([mark] * pieces),
        by=", ".join(dimensions),
        rolled_up=each.format(table="router_app_usagerollup", condition=f"{mine} {_IN_PIECE}"),
        closed=each.format(table="router_app_call", condition=f"{mine} {_IN_REST}"),
        mine=scope.condition("request"),
        **{f"{part}_by": text for part, text in of_part.items()},
    )


_PARTS = ("rollup", "call", "running", "replaced")
_ASKED_BY = "COALESCE(request.api_key_id, 0)"
_KEY_OF_CALL = f"""(
    SELECT {_ASKED_BY} FROM router_app_routingdecision request
    WHERE request.id = found.decision_id
)"""  # noqa: S608
_COLUMNS = {
    "rollup": {
        Dimension.MODEL: "found.model_id",
        Dimension.TASK: "found.task_type",
        Dimension.MEMBER: "found.user_id",
        Dimension.KEY: "found.key_id",
    },
    "call": {
        Dimension.MODEL: "found.model_id",
        Dimension.TASK: "found.task_type",
        Dimension.MEMBER: "found.user_id",
        Dimension.KEY: _KEY_OF_CALL,
    },
    "running": {
        Dimension.MODEL: "call.model_id",
        Dimension.TASK: "call.task_type",
        Dimension.MEMBER: "request.user_id",
        Dimension.KEY: _ASKED_BY,
    },
    "replaced": {
        Dimension.MODEL: "before.model_id",
        Dimension.TASK: "before.task_type",
        Dimension.MEMBER: "request.user_id",
        Dimension.KEY: _ASKED_BY,
    },
}


# What a piece looks like, and how to say "for each piece a range of an index": left to themselves,
# the planners would rather read all there is and compare it with every piece.
_DIALECTS = {
    "sqlite": ("(%s, %s, %s, %s)", "piece CROSS JOIN {table} found WHERE {condition}"),
    "postgresql": (
        "(%s, %s, %s::timestamptz, %s::timestamptz)",
        "piece CROSS JOIN LATERAL (SELECT * FROM {table} found WHERE {condition} OFFSET 0) found",
    ),
}
_IN_PIECE = """
    AND found.seconds = piece.seconds
    AND found.starts_at >= piece.begins AND found.starts_at < piece.ends
"""
_IN_REST = """
    AND piece.seconds = 0 AND found.outcome <> 'running'
    AND found.created_at >= piece.begins AND found.created_at < piece.ends
"""
_SUMS = """
WITH piece (bucket, seconds, begins, ends) AS (VALUES {pieces})
SELECT bucket, {by},
    SUM(requests), SUM(cost_nanos), SUM(input_tokens), SUM(output_tokens)
FROM (
    SELECT bucket, {rollup_by}, requests, cost_nanos, input_tokens, output_tokens
    FROM {rolled_up}

    UNION ALL  -- closed calls of a rest; one replaced by a later attempt is no request any more
    SELECT bucket, {call_by},
        CASE WHEN sent_at IS NULL OR EXISTS (
            SELECT 1 FROM router_app_call later
            WHERE later.decision_id = found.decision_id AND later.attempt > found.attempt
                AND later.sent_at IS NOT NULL AND later.outcome <> 'running'
        ) THEN 0 ELSE 1 END,
        cost_nanos + correction_nanos, input_tokens, output_tokens
    FROM {closed}

    UNION ALL  -- what is under way counts as soon as it is sent
    SELECT bucket, {running_by}, CASE WHEN sent_at IS NULL THEN 0 ELSE 1 END, 0, 0, 0
    FROM router_app_routingdecision request CROSS JOIN router_app_call call CROSS JOIN piece
    WHERE {mine} AND request.outcome = 'running'
        AND call.decision_id = request.id AND call.outcome = 'running'
        AND call.created_at >= begins AND call.created_at < ends

    UNION ALL  -- and the attempt that it replaces no longer does
    SELECT bucket, {replaced_by}, -1, 0, 0, 0
    FROM router_app_routingdecision request CROSS JOIN router_app_call call
        CROSS JOIN router_app_call before CROSS JOIN piece
    WHERE {mine} AND request.outcome = 'running'
        AND call.decision_id = request.id AND call.outcome = 'running'
        AND call.attempt > 1 AND call.sent_at IS NOT NULL
        AND before.decision_id = request.id AND before.attempt = (
            SELECT MAX(earlier.attempt) FROM router_app_call earlier
            WHERE earlier.decision_id = request.id AND earlier.attempt < call.attempt
                AND earlier.sent_at IS NOT NULL
        )
        AND before.created_at >= begins AND before.created_at < ends
) part
GROUP BY bucket, {by}
"""

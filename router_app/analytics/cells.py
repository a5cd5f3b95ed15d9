"""One person's calls, summed by the database per bucket of time, model and task.

Everything the dashboard says is a sum of these cells. The database reads the calls of a range once,
along the index (owner, time), and finds each one's bucket by a binary search written as nested
CASEs: days are exact in any time zone without the database knowing about zones, and SQLite calls
no Python per row. Requests are calls that were sent, less those that a later attempt replaced;
these are few, so a second query fetches them.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import Expression

from router_app.analytics.ranges import Bucket
from router_app.models import Call, User

ATTEMPTS_FOLLOW_WITHIN = timedelta(hours=1)  # far longer than a request can take


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


def cells(user: User, buckets: Sequence[Bucket]) -> list[Cell]:
    """The person's calls in buckets that lie end to end. Cells without calls are left out."""
    replaced = Counter(
        (_bucket_of(created_at, buckets), model_pk, task)
        for created_at, model_pk, task in _replaced(user, buckets)
    )
    rows = _sums(user, buckets)
    return [_cell(row, replaced[row["bucket"], row["model_id"], row["task_type"]]) for row in rows]


def _sums(user: User, buckets: Sequence[Bucket]) -> QuerySet[Call, Any]:
    calls = _calls(user, buckets[0].starts_at, buckets[-1].ends_at)
    return calls.values("model_id", "task_type", bucket=_search(buckets, 0, len(buckets))).annotate(
        sent=Count("sent_at"),
        cost=Sum(F("cost_nanos") + F("correction_nanos")),
        input=Sum("input_tokens"),
        output=Sum("output_tokens"),
    )


def _replaced(user: User, buckets: Sequence[Bucket]) -> QuerySet[Call, Any]:
    """Calls that were sent and followed by another attempt of their request that was sent too."""
    begin, end = buckets[0].starts_at, buckets[-1].ends_at
    repeated = _calls(user, begin, end + ATTEMPTS_FOLLOW_WITHIN).filter(
        attempt__gt=1, sent_at__isnull=False
    )
    later = Call.objects.filter(
        decision=OuterRef("decision"), attempt__gt=OuterRef("attempt"), sent_at__isnull=False
    )
    sent = _calls(user, begin, end).filter(sent_at__isnull=False)
    replaced = sent.filter(Exists(later), decision__in=repeated.values("decision"))
    return replaced.values_list("created_at", "model_id", "task_type")


def _calls(user: User, begin: datetime, end: datetime) -> QuerySet[Call, Call]:
    return Call.objects.filter(user=user, created_at__gte=begin, created_at__lt=end).order_by()


def _search(buckets: Sequence[Bucket], low: int, high: int) -> Expression:
    """SQL for the index, from `low` up to `high`, of the bucket that a call was made in."""
    if high - low == 1:
        return Value(low, output_field=IntegerField())
    middle = (low + high) // 2
    return Case(
        When(created_at__lt=buckets[middle].starts_at, then=_search(buckets, low, middle)),
        default=_search(buckets, middle, high),
    )


def _bucket_of(moment: datetime, buckets: Sequence[Bucket]) -> int:
    return bisect_right(buckets, moment, key=lambda bucket: bucket.starts_at) - 1


def _cell(row: dict[str, Any], replaced: int) -> Cell:
    # PostgreSQL sums 64-bit integers as numeric, which arrives as a Decimal.
    cost, tokens = int(row["cost"]), (int(row["input"]), int(row["output"]))
    return Cell(
        row["bucket"],
        row["model_id"],
        row["task_type"],
        Totals(row["sent"] - replaced, cost, *tokens),
    )

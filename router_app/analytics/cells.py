"""One person's calls, summed by the database per bucket of time, model and task.

Everything the dashboard says is a sum of these cells. Each bucket is a branch of one UNION over
the index (owner, time): days are exact in any time zone without the database knowing about zones,
and SQLite calls no Python per row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Sum, Value

from router_app.analytics.ranges import Bucket
from router_app.models import Call, User


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
    """The person's calls of each bucket, in one query. Cells without calls are left out."""
    branches = [_branch(user, index, bucket) for index, bucket in enumerate(buckets)]
    rows = branches[0].union(*branches[1:], all=True) if branches[1:] else branches[0]
    return [_cell(row) for row in rows]


def _branch(user: User, index: int, bucket: Bucket) -> QuerySet[Call, Any]:
    calls = Call.objects.filter(
        user=user, created_at__gte=bucket.starts_at, created_at__lt=bucket.ends_at
    ).order_by()
    return calls.values(
        "model_id", "task_type", bucket=Value(index, output_field=IntegerField())
    ).annotate(
        requests=Count("pk", filter=_counts_as_request()),
        cost=Sum(F("cost_nanos") + F("correction_nanos")),
        input=Sum("input_tokens"),
        output=Sum("output_tokens"),
    )


def _counts_as_request() -> Q:
    later = Call.objects.filter(
        decision=OuterRef("decision"), attempt__gt=OuterRef("attempt"), sent_at__isnull=False
    )
    return Q(~Exists(later), sent_at__isnull=False)


def _cell(row: dict[str, Any]) -> Cell:
    # PostgreSQL sums 64-bit integers as numeric, which arrives as a Decimal.
    found = Totals(row["requests"], int(row["cost"]), int(row["input"]), int(row["output"]))
    return Cell(row["bucket"], row["model_id"], row["task_type"], found)

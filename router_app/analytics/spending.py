"""What a range of days cost a scope: totals, shares and the course over time."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from django.utils import timezone

from router_app.analytics.cells import Cell, Totals, cells, sum_totals
from router_app.analytics.ranges import Bucket, Range, RangeKey, custom_range, named_range
from router_app.analytics.scope import Scope
from router_app.models import Call, LanguageModel

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Share:
    """One model's or one task's part of a range."""

    name: str
    totals: Totals
    model_pk: int | None = None  # None: a task
    model_id: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """Nano-dollars per model and bucket of time; empty buckets hold zeros."""

    buckets: tuple[Bucket, ...]
    models: tuple[Share, ...]
    cost_nanos: tuple[tuple[int, ...], ...]  # a row per model, a number per bucket

    @property
    def bucket_totals_nanos(self) -> tuple[int, ...]:
        """What all models cost together, per bucket."""
        if not self.cost_nanos:
            return (0,) * len(self.buckets)
        return tuple(sum(column) for column in zip(*self.cost_nanos, strict=True))


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the dashboard shows about a range."""

    totals: Totals
    before: Totals | None  # of the period before; None where there is none
    models: tuple[Share, ...]
    tasks: tuple[Share, ...]
    course: Course


@dataclass(frozen=True, slots=True)
class Stats:
    """What `GET /stats` answers; `model_usage` is requests per model id."""

    totals: Totals
    model_usage: dict[str, int]


def range_for(
    scope: Scope,
    key: RangeKey,
    *,
    first: date | None = None,
    last: date | None = None,
    now: datetime | None = None,
) -> Range:
    """The range `key` in the scope's time zone; CUSTOM goes from `first` to `last`.

    A custom range that lacks an end reaches to today; one that lacks its beginning is that day.
    """
    now = now or timezone.now()
    zone = scope.zone
    if key is RangeKey.CUSTOM:
        last = last or now.astimezone(zone).date()
        return custom_range(first or last, last, zone=zone, now=now)
    oldest = _oldest_call_at(scope) if key is RangeKey.ALL else None
    return named_range(key, zone=zone, now=now, oldest=oldest or now)


def overview(scope: Scope, span: Range, *, now: datetime | None = None) -> Overview:
    """All numbers of a range: two queries for it, two for the period before, one for names."""
    found = cells(scope, span.buckets())
    models = _by_model(found)
    return Overview(
        totals=sum_totals(found),
        before=totals_before(scope, span, now=now),
        models=models,
        tasks=_by_task(found),
        course=_course(span.buckets(), models, found),
    )


def totals(scope: Scope, span: Range) -> Totals:
    """Requests, cost and tokens of a range."""
    return sum_totals(cells(scope, [_whole(span)]))


def totals_before(scope: Scope, span: Range, *, now: datetime | None = None) -> Totals | None:
    """The same for the period before, up to the same point in it; None where there is none."""
    before = span.before(now or timezone.now())
    return None if before is None else sum_totals(cells(scope, [before]))


def model_share(scope: Scope, span: Range) -> tuple[Share, ...]:
    """Each model's part of a range, the dearest first."""
    return _by_model(cells(scope, [_whole(span)]))


def stats(scope: Scope, span: Range) -> Stats:
    """What `GET /stats` tells of a range."""
    shares = model_share(scope, span)
    return Stats(sum_totals(shares), _requests_by_model_id(shares))


def has_calls(scope: Scope) -> bool:
    """Whether a call was ever made in it."""
    return Call.objects.filter(**scope.filters).exists()


def _oldest_call_at(scope: Scope) -> datetime | None:
    calls = Call.objects.filter(**scope.filters).order_by("created_at")
    return calls.values_list("created_at", flat=True).first()


def _whole(span: Range) -> Bucket:
    return Bucket(span.starts_at, span.ends_at)


def _requests_by_model_id(shares: Iterable[Share]) -> dict[str, int]:
    usage: dict[str, int] = defaultdict(int)  # two providers may spell a model the same
    for share in shares:
        if share.totals.requests:
            usage[share.model_id] += share.totals.requests
    return dict(usage)


def _by_model(found: Iterable[Cell]) -> tuple[Share, ...]:
    by_pk = _grouped(found, lambda cell: cell.model_pk)
    rows = LanguageModel.objects.in_bulk(list(by_pk))
    return _dearest_first(
        Share(rows[pk].name, sums, model_pk=pk, model_id=rows[pk].model_id)
        for pk, sums in by_pk.items()
    )


def _by_task(found: Iterable[Cell]) -> tuple[Share, ...]:
    by_task = _grouped(found, lambda cell: cell.task)
    return _dearest_first(Share(task, sums) for task, sums in by_task.items())


def _grouped(found: Iterable[Cell], key: Callable[[Cell], K]) -> dict[K, Totals]:
    sums: dict[K, Totals] = defaultdict(Totals)
    for cell in found:
        sums[key(cell)] += cell.totals
    return sums


def _dearest_first(shares: Iterable[Share]) -> tuple[Share, ...]:
    return tuple(
        sorted(shares, key=lambda s: (-s.totals.cost_nanos, -s.totals.requests, s.name, s.model_pk))
    )


def _course(buckets: Sequence[Bucket], models: Sequence[Share], found: Iterable[Cell]) -> Course:
    cost: dict[tuple[int, int], int] = defaultdict(int)
    for cell in found:
        cost[cell.model_pk, cell.bucket] += cell.totals.cost_nanos
    rows = (tuple(cost[m.model_pk or 0, i] for i in range(len(buckets))) for m in models)
    return Course(tuple(buckets), tuple(models), tuple(rows))

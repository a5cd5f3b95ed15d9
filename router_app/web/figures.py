"""The dashboard's numbers in words, shares and chart data; one version stamp for all of them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from router_app.analytics.cells import Totals
from router_app.analytics.ranges import Range, RangeKey, Step
from router_app.analytics.spending import Course, Overview, Share
from router_app.templatetags.look import model_class

MILLION = 1_000_000
_MANY_TIMES = 10  # from here on "12 times" says more than "1,100 %"
_LABELS = {Step.HOUR: "{0:%H}:{0:%M}", Step.DAY: "{0.day} {0:%b}", Step.MONTH: "{0:%b} {0.year}"}
_BEFORE = {
    RangeKey.TODAY: "yesterday by this time",
    RangeKey.MONTH: "last month by this day",
}


@dataclass(frozen=True, slots=True)
class Change:
    """Against the period before: "12 % above yesterday by this time"."""

    words: str
    direction: str = ""  # "up" or "down"; empty without a change


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that matters; an amount of money is `nanos`, anything else `value`."""

    label: str
    value: str = ""
    nanos: int | None = None
    note: str = ""
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One model's or task's part of the whole."""

    name: str
    totals: Totals
    percent: str  # of the cost
    model_pk: int | None


@dataclass(frozen=True, slots=True)
class Moment:
    """One bar of the course, for its table."""

    label: str
    cost_nanos: int
    by_model: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything the dashboard renders."""

    figures: tuple[Figure, ...]
    models: tuple[Part, ...]
    tasks: tuple[Part, ...]
    moments: tuple[Moment, ...]
    charts: dict[str, Any]

    @property
    def version(self) -> str:
        """Changes exactly when something shown changes."""
        shown = json.dumps([[repr(figure) for figure in self.figures], self.charts])
        return hashlib.sha256(shown.encode()).hexdigest()[:16]


def figures_of(found: Overview, span: Range) -> Figures:
    """The overview of a range as the page shows it."""
    whole = found.totals.cost_nanos
    return Figures(
        figures=_figures(found, span),
        models=tuple(_part(share, whole) for share in found.models),
        tasks=tuple(_part(share, whole) for share in found.tasks),
        moments=tuple(_moments(found.course, span)),
        charts=_charts(found, span),
    )


def _figures(found: Overview, span: Range) -> tuple[Figure, ...]:
    now, before = found.totals, found.before

    def change(name: str) -> Change | None:
        if before is None or (before == Totals() and name != "requests"):
            return None  # that there was nothing is said once
        return _change(getattr(now, name), getattr(before, name), span)

    each = change("average_cost_nanos")
    tokens = f"{now.input_tokens:,} in, {now.output_tokens:,} out"
    return (
        Figure("Requests", f"{now.requests:,}", change=change("requests")),
        Figure("Cost", nanos=now.cost_nanos, change=change("cost_nanos")),
        Figure("Cost per request", nanos=now.average_cost_nanos, change=each),
        Figure("Tokens", _short(now.tokens), note=tokens, change=change("tokens")),
    )


def _change(now: int, before: int, span: Range) -> Change | None:
    """In integers only: these are amounts of money too."""
    than = _BEFORE.get(span.key, f"the {span.days} days before")
    if before == now:
        return Change(f"the same as {than}") if now else None
    direction = "up" if now > before else "down"
    if before == 0:
        return Change(f"none {than if span.key in _BEFORE else 'in ' + than}")
    if now >= _MANY_TIMES * before:
        return Change(f"{now // before:,} times {than}", direction)
    percent = (200 * abs(now - before) + before) // (2 * before)
    size = f"{percent} %" if percent else "a little"
    return Change(f"{size} {'above' if now > before else 'below'} {than}", direction)


def _short(number: int) -> str:
    """A count that fits a tile: 12,345 as it is, 12.3 M from a million on."""
    if number < MILLION:
        return f"{number:,}"
    tenths = number // (MILLION // 10)
    return f"{tenths // 10:,}.{tenths % 10} M"


def _part(share: Share, whole_nanos: int) -> Part:
    return Part(
        name=share.name if share.model_pk else share.name.capitalize(),
        totals=share.totals,
        percent=percent_of(share.totals.cost_nanos, whole_nanos),
        model_pk=share.model_pk,
    )


def percent_of(part: int, whole: int) -> str:
    """A share in whole percent; what is there never reads as nothing."""
    if whole <= 0 or part <= 0:
        return "0 %"
    percent = (200 * part + whole) // (2 * whole)
    return f"{percent} %" if percent else "< 1 %"


def _moments(course: Course, span: Range) -> Iterable[Moment]:
    rows = (
        zip(*course.cost_nanos, strict=True) if course.cost_nanos else ((),) * len(course.buckets)
    )
    for bucket, by_model in zip(course.buckets, rows, strict=True):
        yield Moment(_label(bucket.starts_at, span), sum(by_model), tuple(by_model))


def _label(moment: datetime, span: Range) -> str:
    return _LABELS[span.step].format(moment.astimezone(span.zone))


def _charts(found: Overview, span: Range) -> dict[str, Any]:
    """Plain JSON for `dashboard.js`; amounts in nano-dollars."""
    return {
        "course": {
            "labels": [_label(bucket.starts_at, span) for bucket in found.course.buckets],
            "series": [
                {**_identity(share), "nanos": list(row)}
                for share, row in zip(found.course.models, found.course.cost_nanos, strict=True)
            ],
        },
        "models": [{**_identity(s), "nanos": s.totals.cost_nanos} for s in found.models],
        "tasks": [
            {"name": s.name.capitalize(), "key": s.name, "nanos": s.totals.cost_nanos}
            for s in found.tasks
        ],
    }


def _identity(share: Share) -> dict[str, Any]:
    return {"name": share.name, "key": share.model_pk, "colour": model_class(share.model_pk)}

"""What calls cost, day by day as a zone counts days, from few rows of the usage rollup.

A day in Berlin is a day of UTC, and the hour or two before it, less the hour or two before its
end: so half a year is read from days of UTC and the hours between their midnights and the zone's,
when hardly anybody is awake. Read as whole days of hours it would be twenty times the rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from router_app.analytics.bounded import Bounded, Narrowing
from router_app.analytics.periods import DAY, HOUR, QUARTER, period_start, pieces_of
from router_app.analytics.ranges import Bucket, start_of_day
from router_app.models.rows import instant, select

_A_DAY = timedelta(seconds=DAY)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days of a zone, the last of which is today; hashable, so that its instants are laid once."""

    zone: ZoneInfo
    first_day: date
    today: date
    time_of_day: time | None = None  # a whole quarter of an hour: past days are also cut there

    @classmethod
    def until(cls, now: datetime, zone: ZoneInfo, *, days: int, with_times: bool) -> "Calendar":
        """So many whole days before today; `with_times`: cut at the quarter of an hour that is."""
        local = now.astimezone(zone)
        cut = time(local.hour, local.minute - local.minute % (QUARTER // 60))
        return cls(zone, local.date() - timedelta(days), local.date(), cut if with_times else None)

    @property
    def past_days(self) -> int:
        """How many days there are before today."""
        return (self.today - self.first_day).days

    def instants(self) -> list[datetime]:
        """When each day begins and today ends, then where the past days are cut; UTC."""
        days = [self.first_day + timedelta(number) for number in range(self.past_days + 2)]
        midnights = [start_of_day(day, self.zone) for day in days]
        if self.time_of_day is None:
            return midnights
        cuts = (datetime.combine(day, self.time_of_day, tzinfo=self.zone) for day in days[:-2])
        ends = pairwise(midnights)
        return midnights + [
            min(max(begins, cut.astimezone(begins.tzinfo)), end)
            for cut, (begins, end) in zip(cuts, ends, strict=False)
        ]


@dataclass(frozen=True, slots=True)
class Days:
    """Nano-dollars of whole days, oldest first, and of today so far."""

    past_nanos: tuple[int, ...]
    later_nanos: tuple[int, ...] | None  # of each past day, after the time it was cut at
    today_nanos: int


def spent_by_day(
    bounded: Bounded, calendar: Calendar, narrowings: Sequence[Narrowing]
) -> dict[Narrowing, Days]:
    """What their calls cost, for each narrowing of them. Three statements at most."""
    layout = _layout(calendar, connection.vendor)
    read = [_read(bounded, narrowings, *each) for each in layout.periods]
    found = {}
    for column, narrowing in enumerate(narrowings, start=1):
        costs = [{instant(row[0]): int(row[column] or 0) for row in rows} for rows in read]
        found[narrowing] = layout.days(costs)
    return found


@dataclass(frozen=True, slots=True)
class _Edge:
    """What lies between an instant and the nearest midnight of UTC."""

    days_before: int  # of UTC, before that midnight
    sign: int  # 1: the instant is after the midnight
    hours: tuple[datetime, ...]  # beginnings of whole ones
    quarters: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the days of a calendar are put together from periods of UTC."""

    utc_days: tuple[datetime, ...]  # beginnings
    edges: tuple[_Edge, ...]  # of the calendar's instants
    midnights: int  # how many of these begin or end a day
    periods: tuple[tuple[int, tuple[Any, ...]], ...]  # lengths, and beginnings as SQL wants them

    def days(self, costs: Sequence[Mapping[datetime | None, int]]) -> Days:
        """The calendar's days, from what each period of UTC cost: days, hours, quarters."""
        by_day, by_hour, by_quarter = costs
        until = [0]  # each midnight of UTC
        for start in self.utc_days:
            until.append(until[-1] + by_day.get(start, 0))
        at = []
        for edge in self.edges:
            nanos = sum(by_hour.get(start, 0) for start in edge.hours)
            nanos += sum(by_quarter.get(start, 0) for start in edge.quarters)
            at.append(until[edge.days_before] + edge.sign * nanos)
        *past, today = (max(0, b - a) for a, b in pairwise(at[: self.midnights]))
        cuts, ends = at[self.midnights :], at[1:]
        later = (
            min(max(0, end - cut), day) for cut, end, day in zip(cuts, ends, past, strict=False)
        )
        return Days(tuple(past), tuple(later) if cuts else None, today)


@lru_cache(maxsize=32)  # budgets of one zone share it, and so do all pages of a quarter of an hour
def _layout(calendar: Calendar, vendor: str) -> _Layout:
    instants = calendar.instants()
    midnights = [period_start(each + _A_DAY / 2, DAY) for each in instants]
    first = min(midnights)
    count = (max(midnights) - first) // _A_DAY
    days = tuple(first + _A_DAY * number for number in range(count))
    edges = tuple(
        _edge(each, midnight, (midnight - first) // _A_DAY)
        for each, midnight in zip(instants, midnights, strict=True)
    )
    hours = {start for edge in edges for start in edge.hours}
    quarters = {start for edge in edges for start in edge.quarters}
    adapt = connection.ops.adapt_datetimefield_value
    periods = ((DAY, days), (HOUR, sorted(hours)), (QUARTER, sorted(quarters)))
    return _Layout(
        utc_days=days,
        edges=edges,
        midnights=calendar.past_days + 2,
        periods=tuple((seconds, tuple(map(adapt, starts))) for seconds, starts in periods),
    )


def _edge(moment: datetime, midnight: datetime, days_before: int) -> _Edge:
    starts: dict[int, list[datetime]] = {HOUR: [], QUARTER: []}
    # To whole quarters, should there ever be a zone that begins its days in between.
    ends = sorted((period_start(moment, QUARTER), midnight))
    for _, seconds, begins, until in pieces_of([Bucket(*ends)]):
        step = timedelta(seconds=seconds)
        starts[seconds] += (begins + step * number for number in range((until - begins) // step))
    sign = 1 if moment > midnight else -1
    return _Edge(days_before, sign, tuple(starts[HOUR]), tuple(starts[QUARTER]))


def _read(
    bounded: Bounded, narrowings: Sequence[Narrowing], seconds: int, starts: Sequence[Any]
) -> list[tuple[Any, ...]]:
    """(beginning, what each narrowing cost) of the periods that cost something."""
    if not starts:
        return []
    sums = ", ".join(f"SUM(cost_nanos){each.filter}" for each in narrowings)
    values = [value for each in narrowings for value in each.values]
    if seconds == DAY:  # these lie end to end
        when, starts = "starts_at >= ? AND starts_at <= ?", (starts[0], starts[-1])
    else:
        when = f"starts_at IN ({', '.join('?' * len(starts))})"
    sql = _SUMS.format(sums=sums, where=bounded.condition, when=when)
    return select(sql, [*values, *bounded.values, seconds, *starts])


_SUMS = """
SELECT starts_at, {sums} FROM router_app_usagerollup
WHERE {where} AND seconds = ? AND {when} GROUP BY starts_at
"""

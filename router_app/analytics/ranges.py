"""Which days are looked at, in the reader's time zone. Pure.

A day begins at the first midnight of the wall clock; where the clock skips midnight, at the moment
of the skip. Days are laid end to end on the line of instants: none overlap, none leave a gap,
whatever the clock does.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

MOST_DAYS_BY_DAY = 92  # beyond this a chart shows months
MOST_YEARS = 40


class RangeKey(StrEnum):
    """The ranges one can pick."""

    TODAY = "today"
    WEEK = "7d"
    DAYS_30 = "30d"
    MONTH = "month"
    ALL = "all"
    CUSTOM = "custom"


class Step(StrEnum):
    """How long one bar of a chart is."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bar: from `starts_at` up to, not including, `ends_at`; both UTC instants."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Range:
    """Whole days from `first` to `last`, both included, as they begin and end in `zone`."""

    key: RangeKey
    first: date
    last: date
    zone: ZoneInfo

    @property
    def starts_at(self) -> datetime:
        return start_of_day(self.first, self.zone)

    @property
    def ends_at(self) -> datetime:
        """The first instant after the last day."""
        return start_of_day(self.last + timedelta(days=1), self.zone)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def step(self) -> Step:
        """Hours for one day, days for about a quarter, months for more."""
        if self.days == 1:
            return Step.HOUR
        return Step.DAY if self.days <= MOST_DAYS_BY_DAY else Step.MONTH

    def buckets(self) -> list[Bucket]:
        """The range cut into steps, in order, without gaps."""
        cuts = _hours(self) if self.step is Step.HOUR else _days_or_months(self)
        cuts.append(self.ends_at)
        return [Bucket(a, b) for a, b in pairwise(cuts)]

    def before(self, now: datetime) -> Bucket | None:
        """The period this one is compared with, as long as what of this one has passed by `now`.

        Half of today is compared with half of yesterday, so that a morning is no drop in spending.
        None for `all`, which has nothing before it.
        """
        if self.key is RangeKey.ALL:
            return None
        starts_at = start_of_day(_back(self, self.first), self.zone)
        if now >= self.ends_at:
            return Bucket(starts_at, self.starts_at)
        local = now.astimezone(self.zone)
        cut = datetime.combine(_back(self, local.date()), local.time(), tzinfo=self.zone)
        return Bucket(starts_at, max(starts_at, min(cut.astimezone(UTC), self.starts_at)))


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of the day, in UTC."""
    # In a gap fold=0 takes the offset before the change, which is the moment of the change itself.
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def named_range(key: RangeKey, *, zone: ZoneInfo, now: datetime, oldest: datetime) -> Range:
    """The range called `key`; `oldest` is where "all" begins. CUSTOM needs `custom_range`."""
    today = now.astimezone(zone).date()
    first = {
        RangeKey.TODAY: today,
        RangeKey.WEEK: today - timedelta(days=6),
        RangeKey.DAYS_30: today - timedelta(days=29),
        RangeKey.MONTH: today.replace(day=1),
        RangeKey.ALL: min(today, oldest.astimezone(zone).date()),
    }[key]
    return Range(key, first, today, zone)


def custom_range(first: date, last: date, *, zone: ZoneInfo, now: datetime) -> Range:
    """From `first` to `last` in either order; never into the future or too far back."""
    today = now.astimezone(zone).date()
    first, last = sorted((min(first, today), min(last, today)))
    earliest = today - timedelta(days=365 * MOST_YEARS)
    return Range(RangeKey.CUSTOM, max(first, earliest), max(last, earliest), zone)


def _hours(span: Range) -> list[datetime]:
    hours = -((span.starts_at - span.ends_at) // timedelta(hours=1))
    return [span.starts_at + timedelta(hours=n) for n in range(hours)]


def _days_or_months(span: Range) -> list[datetime]:
    days = (span.first + timedelta(days=n) for n in range(span.days))
    begins = [day for day in days if span.step is Step.DAY or day.day == 1 or day == span.first]
    return [start_of_day(day, span.zone) for day in begins]


def _back(span: Range, day: date) -> date:
    """The same place in the period before: a month back for months, else the range's length."""
    if span.key is not RangeKey.MONTH:
        return day - timedelta(days=span.days)
    last_of_previous = day.replace(day=1) - timedelta(days=1)
    return last_of_previous.replace(day=min(day.day, last_of_previous.day))

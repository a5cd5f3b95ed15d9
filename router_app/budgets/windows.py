"""When a period begins and ends, in the owner's time zone. Pure.

A day begins at the first midnight of the wall clock; where the clock skips midnight (Cairo in
April), at the moment of the skip. Periods are laid end to end on the line of instants, so every
instant lies in exactly one, whatever the wall clock does.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def period_bounds(period: str, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime | None]:
    """Begin and end (exclusive), in UTC, of the `period` that `now` lies in.

    `period` is day, week (from Monday), month or total; total began long ago and has no end.
    """
    if period == "total":
        return datetime(1970, 1, 1, tzinfo=UTC), None
    first = _first_day(period, now.astimezone(zone).date())
    # Around a change of clocks the wall's date may run ahead of or behind the line of instants.
    while _midnight(first, zone) > now:
        first = _first_day(period, first - timedelta(days=1))
    while _midnight(_next_first_day(period, first), zone) <= now:
        first = _next_first_day(period, first)
    return _midnight(first, zone), _midnight(_next_first_day(period, first), zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # In a gap fold=0 takes the offset before the change, which is the moment of the change itself.
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _first_day(period: str, day: date) -> date:
    if period == "month":
        return day.replace(day=1)
    if period == "week":
        return day - timedelta(days=day.weekday())
    return day


def _next_first_day(period: str, first: date) -> date:
    if period == "month":
        return (first + timedelta(days=32)).replace(day=1)
    return first + timedelta(days=7 if period == "week" else 1)

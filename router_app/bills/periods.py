"""Days and months as tables spell them, to the first and the last day meant. Pure."""

import calendar
import re
from collections.abc import Callable
from datetime import date, timedelta

FIRST_YEAR, LAST_YEAR = 2000, 2100
_MIDNIGHT = r"([T ]00:00(:00(\.0+)?)?\s*(Z|UTC|\+00:00)?)?"
_MONTHS = {
    name.casefold(): number
    for names in (calendar.month_name, calendar.month_abbr)
    for number, name in enumerate(names)
    if name
}

Days = tuple[date, date]


def month_of(year: int, month: int) -> Days:
    """Its first and last day."""
    first = _day(year, month, 1)
    return first, (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def days_of(text: str) -> Days:
    """From `2026-10`, `2026-10-31`, `31.10.2026`, `10/2026`, `Oct 2026`: a month or a single day.

    Raises ValueError, with the end of a sentence, for what is none or could be two days.
    """
    for shape, read in _SHAPES:
        found = re.fullmatch(shape, text.strip(), re.ASCII | re.IGNORECASE)
        if found:
            return read(found)
    raise ValueError("is not a month or day, such as 2026-10 or 2026-10-31")


def _day(year: int, month: int, day: int) -> date:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"is not between {FIRST_YEAR} and {LAST_YEAR}")
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError("is no day of the calendar") from None


def _one(day: date) -> Days:
    return day, day


def _slashed(found: re.Match[str]) -> Days:
    """Americans begin with the month, others with the day."""
    first, second, year = int(found[1]), int(found[2]), int(found[3])
    if first != second and first <= 12 and second <= 12:
        raise ValueError(f"could be two days; write {year}-{first:02}-{second:02} for one of them")
    month, day = (second, first) if first > 12 else (first, second)
    return _one(_day(year, month, day))


def _named(found: re.Match[str]) -> Days:
    month = _MONTHS.get(found[1].casefold())
    if month is None:
        raise ValueError("names no month")
    return month_of(int(found[2]), month)


_SHAPES: tuple[tuple[str, Callable[[re.Match[str]], Days]], ...] = (
    (
        rf"(\d{{4}})[-/](\d{{1,2}})[-/](\d{{1,2}}){_MIDNIGHT}",
        lambda found: _one(_day(int(found[1]), int(found[2]), int(found[3]))),
    ),
    (r"(\d{4})[-/](\d{1,2})", lambda found: month_of(int(found[1]), int(found[2]))),
    (r"(\d{1,2})[-/](\d{4})", lambda found: month_of(int(found[2]), int(found[1]))),
    (
        r"(\d{1,2})\.(\d{1,2})\.(\d{4})",
        lambda found: _one(_day(int(found[3]), int(found[2]), int(found[1]))),
    ),
    (r"(\d{1,2})/(\d{1,2})/(\d{4})", _slashed),
    (r"([a-z]{3,9})\.?[ -](\d{4})", _named),
)

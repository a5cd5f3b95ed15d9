"""How good a budget's last forecasts were, or would have been. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from router_app.analytics.forecast.history import History, TooLittle
from router_app.analytics.forecast.outlook import forecast

PERIODS = 6
_SPAN_WITHOUT_END = 30  # that are foretold, and lie between forecasts, where a budget has no end
_PATHS = 200  # fewer than a forecast that is shown: each page makes several of these
_NO_LIMIT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Tried:
    """One forecast made with what was known on a past day, and how that period ended."""

    made_on: date
    low_nanos: int
    expected_nanos: int
    high_nanos: int
    actual_nanos: int

    @property
    def held(self) -> bool:
        return self.low_nanos <= self.actual_nanos <= self.high_nanos

    @property
    def error(self) -> float | None:
        """Share of the actual end by which it was missed; None where nothing was spent."""
        if not self.actual_nanos:
            return None
        return abs(self.expected_nanos - self.actual_nanos) / self.actual_nanos


@dataclass(frozen=True, slots=True)
class Track:
    """Past forecasts, the latest first."""

    tried: tuple[Tried, ...]

    @property
    def made(self) -> int:
        return len(self.tried)

    @property
    def held(self) -> int:
        """How many ends were within their interval, of which 80 % should be."""
        return sum(each.held for each in self.tried)

    @property
    def median_error(self) -> float | None:
        """Half of the ends were missed by at most this share; None where there was none."""
        errors = [each.error for each in self.tried if each.error is not None]
        return median(errors) if errors else None


def backtest(history: History, *, period: str, periods: int = PERIODS, seed: int = 1) -> Track:
    """The forecasts that would have been made at this point of each of the last periods.

    `period` is day, week (from Monday), month or total; anything else is a ValueError. Made at the
    present time of day where history knows the days' times, else in the morning. Left out are
    periods that have an unknown day in them, and those before which too little was known.
    """
    moments = _moments(period, history.today, periods)
    tried = [_try(history, *moment, seed) for moment in moments]
    return Track(tuple(each for each in tried if each is not None))


def _moments(period: str, today: date, periods: int) -> Iterator[tuple[date, date, date]]:
    """For each past period: the day like today, the period's first day and its last."""
    for ago in range(1, periods + 1):
        if period == "day":
            made_on = first = last = today - timedelta(days=ago)
        elif period == "week":
            made_on = today - timedelta(weeks=ago)
            first = made_on - timedelta(days=made_on.weekday())
            last = first + timedelta(days=6)
        elif period == "month":
            first = _months_back(today, ago)
            last = _months_back(today, ago - 1) - timedelta(days=1)
            made_on = min(first.replace(day=1) + timedelta(days=today.day - 1), last)
        elif period == "total":
            made_on = first = today - timedelta(days=ago * _SPAN_WITHOUT_END)
            last = first + timedelta(days=_SPAN_WITHOUT_END - 1)
        else:
            raise ValueError(f"no such period: {period}")
        yield made_on, first, last


def _months_back(day: date, months: int) -> date:
    """The first day of the month so many months before."""
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(years, month + 1, 1)


def _try(history: History, made_on: date, first: date, last: date, seed: int) -> Tried | None:
    """The forecast made on a day of the period from `first` to `last`."""
    begins, today, ends = (max(0, history.number(day)) for day in (first, made_on, last))
    costs = [day for day in history.days_nanos[begins : ends + 1] if day is not None]
    if len(costs) <= ends - begins:
        return None
    later = costs[today - begins] if history.later_nanos is None else history.later_nanos[today]
    today_nanos = costs[today - begins] - later
    found = forecast(
        history.before(today),
        days_left=ends - today,
        spent_nanos=sum(costs[: today - begins]) + today_nanos,
        limit_nanos=_NO_LIMIT,
        today_nanos=today_nanos,
        seed=seed,
        paths=_PATHS,
    )
    if isinstance(found, TooLittle):
        return None
    end = found.end
    return Tried(made_on, end.low_nanos, end.expected_nanos, end.high_nanos, sum(costs))

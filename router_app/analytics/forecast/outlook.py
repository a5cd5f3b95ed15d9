"""Forecasting one budget's spending: to the end of its period, and when it runs out. Pure."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from router_app.analytics.forecast.grounds import Grounds, grounds
from router_app.analytics.forecast.history import History, TooLittle
from router_app.analytics.forecast.levels import Follower, follow, learn_today
from router_app.analytics.forecast.past import (
    QUIET,
    Past,
    Surprises,
    log_ratio,
    read_past,
    surprises,
)
from router_app.analytics.forecast.paths import Ahead, draw_paths
from router_app.analytics.forecast.record import stretch

DAYS_WITHOUT_END = 90  # that are looked ahead where a budget has no end
MOST_DAYS_LEFT = 366
PATHS = 300
_OUTSIDE = 10  # of every so many paths one ends below the interval and one above: 80 % within
_ENOUGH_OF_TODAY = 0.15  # share of a day's spending that is usually over before today says anything
_DAY_NOISE = 0.02  # least variance of what a part of a day shows
_ROUNDING = 1e-9  # of floats: a spending that never changes must not be missed by a nano


@dataclass(frozen=True, slots=True)
class Band:
    """Nano-dollars spent in the window by the end of a day: as likely more as less than `expected`,
    and within `low` and `high` with 80 % probability, each as if no limit were in the way."""

    day: date
    low_nanos: int
    expected_nanos: int
    high_nanos: int


@dataclass(frozen=True, slots=True)
class RunOut:
    """When the limit is reached; a date is None where that is after the last day looked at."""

    chance: float  # that it is reached by then
    early: date | None  # one in ten is earlier
    on: date | None  # as likely earlier as later
    late: date | None  # one in ten is later


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a budget's window is likely to cost; `path` is today and every day to the last."""

    path: tuple[Band, ...]
    run_out: RunOut
    grounds: Grounds

    @property
    def end(self) -> Band:
        """The end of the period, or the last day looked at where there is none."""
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class Study:
    """What a history teaches, whatever is asked of it: forecasts of several windows share it."""

    history: History
    past: Past
    surprises: Surprises
    followers: tuple[Follower, ...]


def study(history: History) -> Study | TooLittle:
    """Look at a history; by far the longest part of a forecast of few days."""
    past = read_past(history)
    if isinstance(past, TooLittle):
        return past
    seen = surprises(past)
    if seen is None:
        return TooLittle(past.days, past.spending_days)
    return Study(history, past, seen, follow(seen.logs, seen.noise))


def forecast(
    history: History | Study | TooLittle,
    *,
    days_left: int | None,
    spent_nanos: int,
    limit_nanos: int,
    today_nanos: int = 0,
    today_fraction: float = 0.0,
    seed: int = 1,
    paths: int = PATHS,
) -> Forecast | TooLittle:
    """The forecast of one window, the same for the same arguments. Amounts in nano-dollars.

    `history`, or the study of it, reaches back before the window. `days_left` are whole days after
    today, None for a budget without an end. `spent_nanos` is what the window has cost until now;
    `today_nanos` is today's part of it, and `today_fraction` (0 to 1) of today has passed, which
    says what to expect of the rest where history does not know the days' times.

    Raises ValueError for negative amounts, and for a time that is too far away.
    """
    _check((today_nanos, spent_nanos, limit_nanos), today_fraction, days_left)
    known = study(history) if isinstance(history, History) else history
    if isinstance(known, TooLittle):
        return known
    past, seen, today = known.past, known.surprises, known.history.today
    days = DAYS_WITHOUT_END if days_left is None else days_left
    followers = _with_today(known, today_nanos)
    stretched = stretch(past, seen, followers, days + 1)
    ahead = Ahead(past, seen, followers, stretched, today_fraction, days)
    drawn = draw_paths(ahead, count=paths, seed=seed)
    return Forecast(
        path=tuple(
            _band(today + timedelta(days=day), spent_nanos, past.scale_nanos, amounts)
            for day, amounts in enumerate(zip(*drawn, strict=True))
        ),
        run_out=_run_out(drawn, (limit_nanos - spent_nanos) / past.scale_nanos, today),
        grounds=grounds(past, followers, stretched),
    )


def _check(amounts: Sequence[int], today_fraction: float, days_left: int | None) -> None:
    if min(amounts) < 0:
        raise ValueError("amounts must be >= 0")
    if not 0 <= today_fraction <= 1:
        raise ValueError("today_fraction must be between 0 and 1")
    if days_left is not None and not 0 <= days_left <= MOST_DAYS_LEFT:
        raise ValueError(f"days_left must be between 0 and {MOST_DAYS_LEFT}")


def _with_today(known: Study, today_nanos: int) -> tuple[Follower, ...]:
    """Followers of the past, and of today where enough of a usual day is over."""
    past, seen, followers = known.past, known.surprises, known.followers
    share = past.pattern.shares[past.weekday(past.days)]
    over = _over_by_now(past)
    if over < _ENOUGH_OF_TODAY or share < QUIET:
        return followers
    level = past.levels[-1]
    ratio = today_nanos / past.scale_nanos / (level * share * over)
    shown = math.log(level) + log_ratio(ratio) - seen.tilt
    return learn_today(followers, shown, max(_DAY_NOISE, seen.noise) / over)


def _over_by_now(past: Past) -> float:
    """Share of a day's spending that is usually over by the present time of day; 0 if unknown."""
    if past.later is None:
        return 0.0
    return 1 - sum(past.later) / sum(past.spent)


def _band(day: date, spent_nanos: int, scale_nanos: float, amounts: Sequence[float]) -> Band:
    """The band of a day by the paths' amounts until its end, in average days."""
    amounts = sorted(amounts)
    outside, middle = len(amounts) // _OUTSIDE, len(amounts) // 2
    median = (amounts[middle] + amounts[-middle - 1]) / 2
    low, high = amounts[max(0, outside - 1)], amounts[len(amounts) - max(1, outside)]
    return Band(
        day=day,
        low_nanos=spent_nanos + math.floor(low * scale_nanos * (1 - _ROUNDING)),
        expected_nanos=spent_nanos + round(median * scale_nanos),
        high_nanos=spent_nanos + math.ceil(high * scale_nanos * (1 + _ROUNDING)),
    )


def _run_out(drawn: Sequence[Sequence[float]], free: float, today: date) -> RunOut:
    """When paths reach what is free, in average days' spending."""
    reached = sorted(bisect_left(path, free) for path in drawn)
    count, days = len(reached), len(drawn[0])

    def after(paths: int) -> date | None:
        day = reached[paths]
        return today + timedelta(days=day) if day < days else None

    return RunOut(
        chance=sum(day < days for day in reached) / count,
        early=after(count // _OUTSIDE),
        on=after(count // 2),
        late=after(count - 1 - count // _OUTSIDE),
    )

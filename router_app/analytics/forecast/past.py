"""What is known of the past, laid out so that a level can be followed through it. Pure.

A day's spending is thought of as *level × weekday's share × surprise*. Amounts are floats here, as
multiples of an average day's spending; nanos come back at the edge. A day of which nothing is known
has share 0, and so weighs nothing in any sum.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from router_app.analytics.forecast.history import History, TooLittle
from router_app.analytics.forecast.weekdays import WEEK, Pattern, weekday_pattern

MOST_DAYS = 180  # older ones changed no forecast in the experiments, and cost time
DAYS_NEEDED = 10
SPENDING_DAYS_NEEDED = 4
QUIET = 0.15  # a weekday with a smaller share is drawn from its own past, and shows no level

_MEMORY = 21  # days, on either side, of the level that surprises are taken from
_LEAST_LEVEL = 0.01
_OFFSET = 0.3  # keeps the logarithm of a day without spending from being endless
_LEAST_NOISE = 1e-4
_FITTED = 4  # days' worth of freedom that share and level took from the surprises


@dataclass(frozen=True, slots=True)
class Past:
    """Whole days, oldest first, in multiples of `scale_nanos`, the average day."""

    first_weekday: int  # Monday is 0
    scale_nanos: float
    known: list[bool]
    spent: list[float]  # 0 where unknown
    later: list[float] | None  # of it after the present time of day
    pattern: Pattern
    shares: list[float]  # of each day's weekday; 0 where the day is unknown
    levels: list[float]  # what an average weekday cost around each day

    @property
    def days(self) -> int:
        """How many there are; also the number of today."""
        return len(self.spent)

    def weekday(self, number: int) -> int:
        return (self.first_weekday + number) % WEEK

    @property
    def spending_days(self) -> int:
        return sum(day > 0 for day in self.spent)

    @property
    def showing(self) -> list[int]:
        """Numbers of the days that show a level: known ones, of weekdays that are not quiet."""
        return [number for number, share in enumerate(self.shares) if share >= QUIET]

    def same_weekday(self, weekday: int) -> list[int]:
        """Numbers of the known days of this weekday."""
        return [
            number
            for number, known in enumerate(self.known)
            if known and self.weekday(number) == weekday
        ]


@dataclass(frozen=True, slots=True)
class Surprises:
    """What days that show a level made of it, in their order, and what that says of the level."""

    ratios: list[float]  # 1 on average
    mean: float  # of the ratios before they were made 1 on average
    spread: float  # their variance, as a share of the squared mean
    logs: list[float | None]  # by day: the logarithm of the level as this day shows it
    noise: float  # variance of one such logarithm
    tilt: float  # mean of a ratio's logarithm, taken out of `logs`

    @property
    def mean_error(self) -> float:
        """Variance of the level's logarithm because giants are rarer than the days seen."""
        count = len(self.ratios)
        return max(0.0, math.log1p(self.spread / count) - self.noise / count)


def read_past(history: History) -> Past | TooLittle:
    """The past as a forecast looks at it; TooLittle where it is too short or nearly empty."""
    begins = max(_beginning(history.days_nanos), len(history.days_nanos) - MOST_DAYS)
    days = [None if day is None else float(day) for day in history.days_nanos[begins:]]
    known = [day for day in days if day is not None]
    spending_days = sum(day > 0 for day in known)
    if len(known) < DAYS_NEEDED or spending_days < SPENDING_DAYS_NEEDED:
        return TooLittle(len(known), spending_days)
    scale = fmean(known)
    first_weekday = history.day(begins).weekday()
    later = history.later_nanos
    pattern = weekday_pattern(days, first_weekday)
    shares = [
        0.0 if day is None else pattern.shares[(first_weekday + number) % WEEK]
        for number, day in enumerate(days)
    ]
    spent = [(day or 0.0) / scale for day in days]
    return Past(
        first_weekday=first_weekday,
        scale_nanos=scale,
        known=[day is not None for day in days],
        spent=spent,
        later=None
        if later is None
        else [
            0.0 if day is None else rest / scale
            for day, rest in zip(days, later[begins:], strict=True)
        ],
        pattern=pattern,
        shares=shares,
        levels=_levels(spent, shares),
    )


def _beginning(days: Sequence[int | None]) -> int:
    """Where spending began: before the first one no more empty days count than came at a stretch
    since, for these belong to a spending with gaps, not to a team that was not there yet."""
    spending = [number for number, day in enumerate(days) if day]
    if not spending:
        return len(days)
    stretches = zip(spending, [*spending[1:], len(days)], strict=True)
    gaps = [sum(day == 0 for day in days[a + 1 : b]) for a, b in stretches]  # unknown is not empty
    return max(0, spending[0] - max(gaps))


def _levels(spent: list[float], shares: list[float]) -> list[float]:
    """Around each day: spending over shares, nearer days weighing more on either side."""
    forward = _faded(spent, shares)
    backward = _faded(spent[::-1], shares[::-1])[::-1]
    found = []
    for number, (ahead, behind) in enumerate(zip(forward, backward, strict=True)):
        amount = ahead[0] + behind[0] - spent[number]  # both count the day itself
        weight = ahead[1] + behind[1] - shares[number]
        found.append(max(_LEAST_LEVEL, amount / weight if weight > 0 else 0.0))
    return found


def _faded(spent: list[float], shares: list[float]) -> list[tuple[float, float]]:
    """Sums of spending and shares up to each day, older days weighing less and less."""
    keep = 1 - 1 / _MEMORY
    amount = weight = 0.0
    sums = []
    for one, share in zip(spent, shares, strict=True):
        amount, weight = amount * keep + one, weight * keep + share
        sums.append((amount, weight))
    return sums


def surprises(past: Past) -> Surprises | None:
    """The days' surprises; None where too few days show a level, or nothing was spent on them."""
    showing = past.showing
    raw = [past.spent[day] / (past.levels[day] * past.shares[day]) for day in showing]
    if len(raw) < SPENDING_DAYS_NEEDED or not any(raw):
        return None
    mean = fmean(raw)
    wider = (past.days / (past.days - _FITTED)) ** 0.5
    ratios = [max(0.0, 1 + wider * (each / mean - 1)) for each in raw]
    signs = [log_ratio(each) for each in raw]
    tilt = fmean(signs)
    logs: list[float | None] = [None] * past.days
    for day, sign in zip(showing, signs, strict=True):
        logs[day] = math.log(past.levels[day]) + sign - tilt
    return Surprises(
        ratios=ratios,
        mean=mean,
        spread=variance(ratios),
        logs=logs,
        noise=max(_LEAST_NOISE, variance(signs)),
        tilt=tilt,
    )


def log_ratio(ratio: float) -> float:
    """A logarithm that is finite at 0, and near 1 the usual one."""
    return (1 + _OFFSET) * math.log((ratio + _OFFSET) / (1 + _OFFSET))

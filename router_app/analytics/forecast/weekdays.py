"""How much each day of the week takes of what is spent. Pure.

A day is set against the seven around it, so that growth does not look like a pattern, nor does one
giant of a day: no share of a week exceeds seven days. Two things are then estimated, each drawn
towards "no difference" by as much as chance could explain (James and Stein's shrinkage): how the
weekend differs from the other days, which two weeks show, and how each day differs from its like,
which takes longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean

WEEK = 7
WEEKENDS = ((5, 6), (4, 5))  # Saturday and Sunday; Friday and Saturday. Monday is 0

# What is believed before anything was seen, in shares of an average day.
_NOISE, _NOISE_DAYS = 0.25, 3  # variance of a day around its weekday's mean, worth so many days
_WEEKEND_VARIANCE = 1.0  # a weekend may well be nothing
_DAY_VARIANCE, _DAY_WORTH = 0.15**2, 5  # of a day among its like, worth so many weekdays seen
_CLEAR = 3.0  # standard deviations from an average day that are no accident
_NOTABLE = 0.15  # share of an average day that is worth a word


@dataclass(frozen=True, slots=True)
class Pattern:
    """What each weekday takes, Monday first, where an average day takes 1."""

    shares: tuple[float, ...]
    errors: tuple[float, ...]  # standard errors of the shares

    @property
    def found(self) -> bool:
        """Whether some weekday clearly differs from an average day."""
        return any(
            abs(share - 1) > max(_NOTABLE, _CLEAR * error)
            for share, error in zip(self.shares, self.errors, strict=True)
        )


FLAT = Pattern((1.0,) * WEEK, (0.0,) * WEEK)


def weekday_pattern(days: Sequence[float | None], first_weekday: int) -> Pattern:
    """The pattern of consecutive days, of which the first is `first_weekday`; None is unknown."""
    seen = _shares_of_their_weeks(days, first_weekday)
    if not all(seen):
        return FLAT
    noise = _noise(seen)
    weekend = max(WEEKENDS, key=lambda pair: abs(_contrast(seen, pair)))
    shares, variances = _shrunk(seen, weekend, noise)
    mean = fmean(shares)
    if mean <= 0:
        return FLAT
    return Pattern(
        tuple(share / mean for share in shares),
        tuple(variance**0.5 / mean for variance in variances),
    )


def _shares_of_their_weeks(days: Sequence[float | None], first_weekday: int) -> list[list[float]]:
    """By weekday: each day over the mean of the seven days around it."""
    seen: list[list[float]] = [[] for _ in range(WEEK)]
    for number, day in enumerate(days):
        begins = min(max(number - WEEK // 2, 0), max(len(days) - WEEK, 0))
        around = [each for each in days[begins : begins + WEEK] if each is not None]
        if day is not None and sum(around) > 0:
            seen[(first_weekday + number) % WEEK].append(day / fmean(around))
    return seen


def _noise(seen: list[list[float]]) -> float:
    """Variance of a day around the mean of its weekday."""
    squares = sum((each - fmean(same)) ** 2 for same in seen for each in same)
    freedom = sum(map(len, seen)) - WEEK
    return (squares + _NOISE_DAYS * _NOISE) / (freedom + _NOISE_DAYS)


def _contrast(seen: list[list[float]], weekend: Sequence[int]) -> float:
    """Mean day of the weekend less mean day of the rest."""
    return _mean_of(seen, weekend) - _mean_of(seen, _others(weekend))


def _mean_of(seen: list[list[float]], weekdays: Sequence[int]) -> float:
    return fmean(chain.from_iterable(seen[day] for day in weekdays))


def _others(weekend: Sequence[int]) -> list[int]:
    return [day for day in range(WEEK) if day not in weekend]


def _shrunk(
    seen: list[list[float]], weekend: Sequence[int], noise: float
) -> tuple[list[float], list[float]]:
    """Each weekday's share and its variance, drawn to its like, and these to each other."""
    groups = (_others(weekend), list(weekend))
    means = [_mean_of(seen, group) for group in groups]
    counts = [sum(len(seen[day]) for day in group) for group in groups]
    chance = noise / counts[0] + noise / counts[1]
    kept = _WEEKEND_VARIANCE / (_WEEKEND_VARIANCE + chance)
    middle = (means[0] * len(groups[0]) + means[1] * len(groups[1])) / WEEK
    between = _between_like(seen, groups, means, noise)
    shares, variances = [0.0] * WEEK, [0.0] * WEEK
    for group, mean in zip(groups, means, strict=True):
        weight = 1 - len(group) / WEEK  # of the contrast in this group's mean
        for day in group:
            error = noise / len(seen[day])
            own = between / (between + error)
            base = middle + kept * (mean - middle)
            shares[day] = max(0.0, base + own * (fmean(seen[day]) - mean))
            variances[day] = own * error + weight**2 * kept * chance
    return shares, variances


def _between_like(
    seen: list[list[float]], groups: Sequence[list[int]], means: Sequence[float], noise: float
) -> float:
    """Variance of weekdays within their group, beyond what noise makes of it."""
    squares = expected = 0.0
    for group, mean in zip(groups, means, strict=True):
        squares += sum((fmean(seen[day]) - mean) ** 2 for day in group)
        expected += sum(noise / len(seen[day]) for day in group) * (1 - 1 / len(group))
    beyond = max(0.0, squares - expected)
    return (beyond + _DAY_WORTH * _DAY_VARIANCE) / (WEEK - len(groups) + _DAY_WORTH)

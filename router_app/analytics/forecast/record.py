"""How much surer or less sure of the level one should be than the followers are. Pure.

The interval is held against the series' own past: on many past mornings the spending of the days
ahead is foretold with what was known then, and the misses are set against the misses that were to
be expected. That is conformal prediction's idea, applied to the level alone: what is left of a miss
after the surprises of single days, which a forecast draws anyway.
"""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from router_app.analytics.forecast.levels import Follower, weights
from router_app.analytics.forecast.past import Past, Surprises
from router_app.analytics.forecast.weekdays import WEEK

_PRIOR_WORTH = 4.0  # stretches of days that the followers' own word counts for
_LEAST, _MOST = 0.5, 6.0  # of the ratio of variances
_FARTHEST = 9.0  # a miss counts for no more than this many times the expected one, squared
_ENOUGH = 0.3  # share of the days ahead that must be known to judge by them
_SOFTLY = 0.05  # of a day's spending, added so that a stretch without spending can be judged
_IGNORED = 0.01  # followers that count for less are left out


class _Miss(NamedTuple):
    squared: float  # of the logarithm, expected against actual
    by_level: float  # what was to be expected because the level is not known
    by_days: float  # and because days surprise


def stretch(
    past: Past, surprises: Surprises, followers: Sequence[Follower], days_ahead: int
) -> float:
    """What the standard error of the level is to be multiplied with; near 1 if little is known."""
    span = min(max(days_ahead, WEEK), past.days // 4)
    step = max(1, span // 4)
    mornings = range(max(WEEK, past.days // 4), past.days - span + 1, step)
    found = _misses(past, surprises, followers, mornings, span)
    by_level = sum(miss.by_level for miss in found)
    if by_level <= 0:
        return 1.0
    beyond = sum(miss.squared - miss.by_days for miss in found)
    ratio = min(_MOST, max(_LEAST, beyond / by_level))
    apart = len(found) * step / span  # stretches that do not overlap
    return float(ratio ** (apart / (apart + _PRIOR_WORTH) / 2))


def _misses(
    past: Past,
    surprises: Surprises,
    followers: Sequence[Follower],
    mornings: Sequence[int],
    span: int,
) -> list[_Miss]:
    spent = list(accumulate(past.spent, initial=0.0))
    shares = list(accumulate(past.shares, initial=0.0))
    squares = list(accumulate((each**2 for each in past.shares), initial=0.0))
    softly = _SOFTLY * span
    found = []
    for morning in mornings:
        evening = morning + span
        share = shares[evening] - shares[morning]
        if share < _ENOUGH * span:
            continue
        level, variance = _foretold(followers, morning, (span - 1) / 2)
        alike = (squares[evening] - squares[morning]) / share**2
        by_days = math.log1p(surprises.spread * alike)
        by_level = variance + math.log1p(surprises.spread / morning)
        actual = spent[evening] - spent[morning]
        miss = math.log((actual + softly) / (share * math.exp(level) + softly))
        squared = min(miss**2, _FARTHEST * (by_level + by_days))
        found.append(_Miss(squared, by_level, by_days))
    return found


def _foretold(followers: Sequence[Follower], morning: int, days: float) -> tuple[float, float]:
    """Mean and variance of the level's logarithm over all followers together."""
    mean = squares = total = 0.0
    for weight, follower in zip(weights(followers, morning), followers, strict=True):
        if weight >= _IGNORED:
            level, variance = follower.ahead(morning, days)
            total += weight
            mean += weight * level
            squares += weight * (variance + level**2)
    mean /= total
    return mean, squares / total - mean**2

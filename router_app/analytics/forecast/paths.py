"""Ways in which the days ahead may go, drawn at random from what the past showed. Pure.

One path: a follower is drawn by its weight, an error of the level and of each weekday's share, and
then surprises, a week at a stretch as they happened (a block bootstrap), so that what comes in
streaks goes on coming in streaks.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain
from operator import mul

from router_app.analytics.forecast.levels import Follower, weights
from router_app.analytics.forecast.past import QUIET, Past, Surprises
from router_app.analytics.forecast.weekdays import WEEK

_LEAST_SHARE = 0.05  # below it a share's error is not set against the share
_DAY_STARTS, _DAY_ENDS = (0.0, 0.35), (0.7, 1.0)  # when spending begins and ends, shares of a day


@dataclass(frozen=True, slots=True)
class Ahead:
    """What paths are drawn from: today's rest and `days` whole days after it."""

    past: Past
    surprises: Surprises
    followers: Sequence[Follower]
    stretch: float  # of the level's standard error
    day_fraction: float  # of today that has passed
    days: int


def draw_paths(ahead: Ahead, *, count: int, seed: int) -> list[list[float]]:
    """Cumulative spending from now to the end of today and of every day after, in average days."""
    rng, morning = random.Random(seed), ahead.past.days  # noqa: S311 - no secret
    courses = [_course(ahead, follower, morning) for follower in ahead.followers]
    picked = rng.choices(courses, weights(ahead.followers, morning), k=count)
    rest, later = _rest_of_today(ahead, rng), _days_ahead(ahead, rng)
    share_errors = _share_errors(ahead.past)
    mean_error = math.sqrt(ahead.surprises.mean_error)
    first, weeks = ahead.past.weekday(morning), ahead.days // WEEK + 1
    paths = []
    for course, (miss, off, *offs) in zip(picked, _normals(seed, count), strict=True):
        shares = [
            math.exp(off * mean_error + each * error)
            for each, error in zip(offs, share_errors, strict=True)
        ]
        levels = [math.exp(level + miss * error) for level, error in course]
        costs = map(mul, [next(rest), *next(later)], levels)
        paths.append(list(accumulate(map(mul, costs, (shares[first:] + shares[:first]) * weeks))))
    return paths


@lru_cache(maxsize=4)  # drawing them anew took longer than all the rest
def _normals(seed: int, count: int) -> tuple[tuple[float, ...], ...]:
    """For each path, in standard errors: how far the level is off, the mean surprise, and the share
    of each weekday."""
    rng = random.Random(f"normals {seed}")  # noqa: S311 - no secret
    return tuple(tuple(rng.gauss(0, 1) for _ in range(2 + WEEK)) for _ in range(count))


def _course(ahead: Ahead, follower: Follower, morning: int) -> list[tuple[float, float]]:
    """Logarithm of the level and its standard error, today and on every day after."""
    moments = (follower.ahead(morning, day) for day in range(ahead.days + 1))
    return [(level, ahead.stretch * math.sqrt(variance)) for level, variance in moments]


def _share_errors(past: Past) -> list[float]:
    """Standard errors of the logarithms of the weekdays' shares."""
    pattern = past.pattern
    return [
        min(1.0, error / max(share, _LEAST_SHARE)) if share else 0.0
        for share, error in zip(pattern.shares, pattern.errors, strict=True)
    ]


def _rest_of_today(ahead: Ahead, rng: random.Random) -> Iterator[float]:
    """What today still costs at level 1, over and over."""
    past = ahead.past
    if past.later is not None:
        pool = _like(past, past.later, past.weekday(past.days), ahead.surprises.mean)
        while True:
            yield rng.choice(pool)
    pool = _like(past, past.spent, past.weekday(past.days), ahead.surprises.mean)
    while True:
        starts, ends = rng.uniform(*_DAY_STARTS), rng.uniform(*_DAY_ENDS)
        left = (ends - ahead.day_fraction) / (ends - starts)
        yield rng.choice(pool) * min(1.0, max(0.0, left))


def _days_ahead(ahead: Ahead, rng: random.Random) -> Iterator[list[float]]:
    """What the days after today cost at level 1, over and over."""
    past, ratios = ahead.past, ahead.surprises.ratios
    ratios = ratios * (1 + WEEK // len(ratios)) + ratios[:WEEK]  # so that a block may wrap around
    starts = len(ahead.surprises.ratios)
    weekdays = [past.weekday(past.days + 1 + day) for day in range(ahead.days)]
    shares = [past.pattern.shares[weekday] for weekday in weekdays]
    quiet = {
        day: _like(past, past.spent, weekday, ahead.surprises.mean)
        for day, weekday in enumerate(weekdays)
        if past.pattern.shares[weekday] < QUIET
    }
    blocks = [ratios[start : start + WEEK] for start in range(starts)]
    weeks = -(-ahead.days // WEEK)
    while True:
        drawn = chain.from_iterable(rng.choices(blocks, k=weeks))
        costs = list(map(mul, drawn, shares))  # as many as there are shares
        for day, pool in quiet.items():
            costs[day] = rng.choice(pool)
        yield costs


def _like(past: Past, amounts: list[float], weekday: int, mean: float) -> list[float]:
    """Amounts of past days, as if they had been spent on this weekday at level 1."""
    share = past.pattern.shares[weekday]
    if share >= QUIET:
        return [
            share * amounts[day] / (past.levels[day] * past.shares[day] * mean)
            for day in past.showing
        ]
    return [amounts[day] / past.levels[day] for day in past.same_weekday(weekday)]

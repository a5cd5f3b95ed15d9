"""Following the level of spending from day to day, by several followers at once. Pure.

Each follower is a small Kalman filter on the logarithm of the level: it believes that the level
wanders by so much a day, and perhaps has a slope that turns slowly and fades. Which follower is
right is not asked; each counts by how well it foretold every next day so far (Bayesian averaging).
So a steady series is remembered for long, a jumpy one forgotten quickly, and with little to go by
all of them have a say, which makes the interval as wide as ignorance should.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, product
from typing import NamedTuple

# Wander a day, as a standard deviation of the level's logarithm, and how likely each is beforehand.
_WANDERS = ((0.0, 1.0), (0.02, 1.0), (0.08, 1.0), (0.32, 0.3))
_SLOPES = ((False, 0.6), (True, 0.4))
_FIRST_SLOPE = 0.02  # a day, either way: doubling or halving in five weeks is not unheard of
_TURN = 0.0015  # by how much a slope turns a day
_FADE = 0.985  # of a slope, a day: nothing grows for ever
_FIRST_DAYS = 7  # whose mean is where a follower starts
_FIRST_VARIANCE = 1.0
_SHOCK = 3.0  # standard deviations; what surprises more moves the level as if it were this much
_WANDERING = 0.75  # see `ahead`


class State(NamedTuple):
    """What a follower believes on the morning of a day, before it sees what is spent."""

    likelihood: float  # logarithm, of all days so far
    level: float  # logarithm
    slope: float  # of it, a day
    level_variance: float
    covariance: float
    slope_variance: float


@dataclass(frozen=True, slots=True)
class Follower:
    """One belief about how levels move, and its state on each morning, today's included."""

    wander: float
    turn: float
    states: tuple[State, ...]

    def ahead(self, morning: int, days: float) -> tuple[float, float]:
        """Mean and variance of the level's logarithm so many days after the morning.

        What wanders is held for one number that grows with time, as if it had been known from the
        start. Sums over many days would so vary by a third too much, hence the 0.75.
        """
        state = self.states[morning]
        slopes = (1 - _FADE**days) / (1 - _FADE)
        variance = (
            state.level_variance
            + slopes * (2 * state.covariance + slopes * state.slope_variance)
            + _WANDERING * days * self.wander**2
            + self.turn**2 * days**3 / 3
        )
        return state.level + state.slope * slopes, max(0.0, variance)


def follow(logs: Sequence[float | None], noise: float) -> tuple[Follower, ...]:
    """Followers of the level that the days show, each with this variance; None shows nothing."""
    shown = [each for each in logs if each is not None][:_FIRST_DAYS]
    start = sum(shown) / len(shown)
    followers = []
    for (wander, likely), (sloped, share) in product(_WANDERS, _SLOPES):
        turn, slope_variance = (_TURN, _FIRST_SLOPE**2) if sloped else (0.0, 0.0)
        first = State(math.log(likely * share), start, 0.0, _FIRST_VARIANCE, 0.0, slope_variance)
        step = partial(_next_morning, noise=noise, wander=wander, turn=turn)
        followers.append(Follower(wander, turn, tuple(accumulate(logs, step, initial=first))))
    return tuple(followers)


def learn_today(followers: Sequence[Follower], shown: float, noise: float) -> tuple[Follower, ...]:
    """The same followers after what today showed so far, as if they had known it this morning."""
    return tuple(
        Follower(each.wander, each.turn, (*each.states[:-1], _learn(each.states[-1], shown, noise)))
        for each in followers
    )


def weights(followers: Sequence[Follower], morning: int) -> list[float]:
    """How much each follower counts on that morning; together 1."""
    logs = [each.states[morning].likelihood for each in followers]
    best = max(logs)
    odds = [math.exp(each - best) for each in logs]
    total = sum(odds)
    return [each / total for each in odds]


def _learn(state: State, shown: float, noise: float) -> State:
    """Kalman's update; shocks are cut as in Huber's loss, so that one giant is not a new level."""
    likelihood, level, slope, level_variance, covariance, slope_variance = state
    total = level_variance + noise
    gap = shown - level
    deviations = abs(gap) / math.sqrt(total)
    loss = deviations**2
    if deviations > _SHOCK:
        loss = _SHOCK * (2 * deviations - _SHOCK)
        gap *= _SHOCK / deviations
    gain, slope_gain = level_variance / total, covariance / total
    return State(
        likelihood - (math.log(total) + loss) / 2,
        level + gain * gap,
        slope + slope_gain * gap,
        level_variance * (1 - gain),
        covariance * (1 - gain),
        slope_variance - slope_gain * covariance,
    )


def _next_morning(
    state: State, shown: float | None, *, noise: float, wander: float, turn: float
) -> State:
    """After what a day showed, Kalman's prediction: the slope moves the level, both get unsure."""
    if shown is not None:
        state = _learn(state, shown, noise)
    likelihood, level, slope, level_variance, covariance, slope_variance = state
    return State(
        likelihood,
        level + slope,
        slope * _FADE,
        level_variance + 2 * covariance + slope_variance + wander**2,
        _FADE * (covariance + slope_variance),
        _FADE**2 * slope_variance + turn**2,
    )

"""Daily spending of many kinds, made up: what `forecast.py` and its tests are measured on.

A kind is a function of a source of chance, the number of days and the weekday of the first. It
gives amounts in average days or so; `series` turns them into nanos of a random size.
"""

import math
import random
from collections.abc import Callable, Sequence
from itertools import accumulate

Amounts = list[float]
Kind = Callable[[random.Random, int, int], Amounts]

_SMALLEST, _LARGEST = 3.5, 12  # decimal logarithms of an average day in nanos
_TOKEN_NANOS = 50


def series(kind: str, rng: random.Random, days: int, first_weekday: int) -> list[int]:
    """So many days of the kind, in nanos; KeyError for a kind that is not in KINDS."""
    amounts = KINDS[kind](rng, days, first_weekday)
    nanos = 1 if kind == "tiny" else 10 ** rng.uniform(_SMALLEST, _LARGEST)
    return [round(amount * nanos) for amount in amounts]


def _week(rng: random.Random) -> list[float]:
    """What weekdays take: all the same, next to nothing at the weekend, less then, or anything."""
    quiet, less = rng.uniform(0, 0.1), rng.uniform(0.2, 0.6)
    return rng.choice(
        [
            [1.0] * 7,
            [1.0] * 5 + [quiet] * 2,
            [1, 1.1, 1.1, 1, 0.8, less, less],
            [rng.uniform(0.3, 1.7) for _ in range(7)],
        ]
    )


def _on_weekdays(levels: Sequence[float], week: Sequence[float], first_weekday: int) -> Amounts:
    return [level * week[(first_weekday + day) % 7] for day, level in enumerate(levels)]


def _noise(rng: random.Random, deviation: float) -> float:
    """Log-normal, 1 on average."""
    return math.exp(rng.gauss(-(deviation**2) / 2, deviation))


def _noisy(rng: random.Random, levels: Sequence[float], first_weekday: int) -> Amounts:
    """These levels with some week and moderate noise."""
    deviation = rng.uniform(0.2, 0.5)
    amounts = _on_weekdays(levels, _week(rng), first_weekday)
    return [amount * _noise(rng, deviation) for amount in amounts]


def _poisson(rng: random.Random, mean: float) -> int:
    """How many arrivals there are in the time of `mean` of them."""
    count, passed = 0, rng.expovariate(1)
    while passed < mean:
        count, passed = count + 1, passed + rng.expovariate(1)
    return count


def steady(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    deviation = rng.uniform(0.15, 0.5)
    return [_noise(rng, deviation) for _ in range(days)]


def measured(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    """Normal noise, cut at nothing."""
    deviation = rng.uniform(0.1, 0.4)
    return [max(0.0, rng.gauss(1, deviation)) for _ in range(days)]


def workweek(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    """Weekends near zero, from Saturday or from Friday."""
    week = [1.0] * 5 + [rng.uniform(0, 0.1), rng.uniform(0, 0.1)]
    if rng.random() < 0.3:
        week = week[1:] + week[:1]
    deviation = rng.uniform(0.2, 0.6)
    amounts = _on_weekdays([1.0] * days, week, first_weekday)
    return [amount * _noise(rng, deviation) for amount in amounts]


def growing(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    a_day = math.log(2) / rng.uniform(40, 150)
    return _noisy(rng, [math.exp(a_day * day) for day in range(days)], first_weekday)


def falling(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    a_day = math.log(2) / rng.uniform(40, 150)
    return _noisy(rng, [math.exp(-a_day * day) for day in range(days)], first_weekday)


def new_team(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    """Growth that slows down as everybody has come."""
    slowness = rng.uniform(5, 60)
    return _noisy(rng, [1 - math.exp(-(day + 1) / slowness) for day in range(days)], first_weekday)


def shifting(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    """Now and then another level."""
    chance = rng.uniform(1 / 120, 1 / 40)
    steps = [rng.gauss(0, 0.7) if rng.random() < chance else 0.0 for _ in range(days)]
    return _noisy(rng, [math.exp(level) for level in accumulate(steps)], first_weekday)


def wandering(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    """A level that goes up or down a little every day."""
    step = rng.uniform(0.02, 0.09)
    steps = [rng.gauss(0, step) for _ in range(days)]
    return _noisy(rng, [math.exp(level) for level in accumulate(steps)], first_weekday)


def streaky(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    """Busy days follow busy days."""
    keep, deviation = rng.uniform(0.3, 0.9), rng.uniform(0.2, 0.5)
    new = deviation * math.sqrt(1 - keep**2)
    steps = [rng.gauss(0, new) for _ in range(days)]
    logs = accumulate(steps, lambda before, step: keep * before + step)
    return _on_weekdays([math.exp(each) for each in logs], _week(rng), first_weekday)


def heavy(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    """Log-normal with so long a tail that a few days are most of a month."""
    deviation = rng.uniform(1.0, 1.8)
    amounts = _on_weekdays([1.0] * days, _week(rng), first_weekday)
    return [amount * _noise(rng, deviation) for amount in amounts]


def giants(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    """Steady, and rarely a day of ten."""
    chance = rng.uniform(0.02, 0.08)
    usual = _noisy(rng, [1.0] * days, first_weekday)
    return [day + (rng.uniform(5, 20) if rng.random() < chance else 0) for day in usual]


def gaps(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    """Mostly nothing."""
    chance, deviation = rng.uniform(0.1, 0.4), rng.uniform(0.5, 1.2)
    return [_noise(rng, deviation) if rng.random() < chance else 0.0 for _ in range(days)]


def calls(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    """Single calls whose costs differ by much."""
    deviation = rng.uniform(0.5, 1.5)
    means = _on_weekdays([rng.uniform(0.5, 40)] * days, _week(rng), first_weekday)
    return [sum(_noise(rng, deviation) for _ in range(_poisson(rng, mean))) for mean in means]


def tiny(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    """A few tokens a day."""
    means = _on_weekdays([rng.uniform(1, 60)] * days, _week(rng), first_weekday)
    return [float(_TOKEN_NANOS * _poisson(rng, mean)) for mean in means]


def team(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    """As things are: people who come, go and take holidays, each with days and jobs of their own,
    a batch every month, a price that is cut once."""
    total = [0.0] * days
    for _ in range(rng.randint(3, 15)):
        for day, cost in enumerate(_person(rng, days, first_weekday)):
            total[day] += cost
    if rng.random() < 0.5:
        for day in range(rng.randrange(30), days, 30):
            total[day] += rng.uniform(0.5, 2) * sum(total) / days
    cut = rng.randrange(2 * days)
    return [cost * (0.6 if day > cut else 1) for day, cost in enumerate(total)]


def _person(rng: random.Random, days: int, first_weekday: int) -> Amounts:
    joins = rng.randint(-2 * days, days // 2)
    leaves = joins + rng.expovariate(1 / 300) + 20
    away = rng.randrange(2 * days)
    size, presence = _noise(rng, 1), rng.uniform(0.4, 0.95)
    week = [1.0] * 5 + [rng.choice([0.0, 0.0, 0.3])] * 2
    amounts = _on_weekdays([size] * days, week, first_weekday)
    return [
        amount * _noise(rng, 0.8)
        if joins <= day < leaves and not away <= day < away + 10 and rng.random() < presence
        else 0.0
        for day, amount in enumerate(amounts)
    ]


KINDS: dict[str, Kind] = {
    kind.__name__: kind
    for kind in (
        steady, measured, workweek, growing, falling, new_team, shifting, wandering, streaky,
        heavy, giants, gaps, calls, tiny, team,
    )
}  # fmt: skip

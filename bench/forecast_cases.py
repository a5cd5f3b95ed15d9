"""Moments at which somebody looks at a forecast, with what came after: for `forecast.py`."""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from bench.forecast_series import series
from router_app.analytics.forecast import History

LENGTHS = (10, 20, 45, 120, 400)  # days of history: as many cases between each two
PERIODS = ("day", "week", "month", "month")
_AT_NIGHT = 0.03  # of a day's spending: no rest of a day is foretold by the clock alone
_SCATTER = (2, 30)  # how alike days are in when they spend, from hardly to very


@dataclass(frozen=True, slots=True)
class Case:
    """What is known at a moment, and `rest_nanos`, what is then spent until the period ends."""

    kind: str
    history: History
    today_nanos: int
    today_fraction: float
    days_left: int
    rest_nanos: int


def make_case(kind: str, rng: random.Random) -> Case:
    """One moment in a series of the kind."""
    shortest, longest = rng.choice(list(pairwise(LENGTHS)))
    first_day = date(2026, 1, 1) + timedelta(days=rng.randrange(365))
    today = rng.randint(shortest, longest)
    left = _days_left(rng.choice(PERIODS), first_day + timedelta(days=today))
    days = series(kind, rng, today + 1 + left, first_day.weekday())
    fraction = rng.random()
    shares = _shares_later(rng, fraction, len(days))
    later = [round(day * share) for day, share in zip(days, shares, strict=True)]
    return Case(
        kind=kind,
        history=History(first_day, days[:today], later[:today]),
        today_nanos=days[today] - later[today],
        today_fraction=fraction,
        days_left=left,
        rest_nanos=later[today] + sum(days[today + 1 :]),
    )


def _days_left(period: str, today: date) -> int:
    if period == "day":
        return 0
    if period == "week":
        return 6 - today.weekday()
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    return (next_month - today).days - 1


def _shares_later(rng: random.Random, fraction: float, days: int) -> list[float]:
    """How much of each day is spent after this fraction of it, of somebody with working hours."""
    starts, ends = rng.uniform(0.2, 0.4), rng.uniform(0.65, 0.9)
    share = min(1 - _AT_NIGHT, max(_AT_NIGHT, (ends - fraction) / (ends - starts)))
    alike = rng.uniform(*_SCATTER)
    return [rng.betavariate(share * alike, (1 - share) * alike) for _ in range(days)]

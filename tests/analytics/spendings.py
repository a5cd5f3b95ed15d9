"""Spendings of which a forecast is made, and the making of it."""

import random
from collections.abc import Sequence
from datetime import date

from router_app.analytics.forecast import Forecast, History, forecast

MONDAY = date(2026, 6, 1)
USD = 10**9
NO_LIMIT = 2**63 - 1


def foretell(
    days: Sequence[int | None],
    *,
    later: Sequence[int] | None = None,
    left: int | None = 10,
    spent: int = 0,
    limit: int = NO_LIMIT,
    today: int = 0,
    seed: int = 1,
) -> Forecast:
    found = forecast(
        History(MONDAY, days, later),
        days_left=left,
        spent_nanos=spent,
        limit_nanos=limit,
        today_nanos=today,
        seed=seed,
    )
    assert isinstance(found, Forecast)
    return found


def noisy(levels: Sequence[float], *, deviation: float = 0.3, seed: int = 7) -> list[int]:
    rng = random.Random(seed)
    return [round(level * USD * rng.lognormvariate(0, deviation)) for level in levels]

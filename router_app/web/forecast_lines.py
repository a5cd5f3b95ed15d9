"""The line of forecast under each gauge of a page, remembered while nothing is spent."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.core.cache import cache

from router_app.analytics.forecast import TooLittle
from router_app.analytics.outlooks import outlooks_of
from router_app.analytics.periods import QUARTER, period_start
from router_app.budgets.statements import Statement
from router_app.models import Budget
from router_app.web.forecast_words import ELSEWHERE, line_of

MOST_FORECASTS = 8  # made for one page, each of which takes some milliseconds


def lines_for(
    statements: Sequence[Statement], budgets: Mapping[int, Budget], now: datetime
) -> dict[int, str]:
    """By budget id, each one's outlook in a sentence. Whoever may see the gauge may see it."""
    keys = {each.budget_id: _key(each, now) for each in statements}
    known = cache.get_many(keys.values())
    lines = {pk: known[key] for pk, key in keys.items() if key in known}
    # Those that are left out come with the next look at the page.
    unknown = [budgets[pk] for pk in keys if pk not in lines][:MOST_FORECASTS]
    found = outlooks_of(unknown, now)
    lines |= {pk: line_of(each) for pk, each in found.items()}
    # Too little may be enough with the next call, wherever that is booked.
    sure = {keys[pk]: lines[pk] for pk, each in found.items() if not isinstance(each, TooLittle)}
    cache.set_many(sure, QUARTER)
    return {each.budget_id: lines.get(each.budget_id, ELSEWHERE) for each in statements}


def _key(statement: Statement, now: datetime) -> str:
    """Another one as soon as something is spent, the limit changes or a quarter of an hour ends."""
    spent = statement.spent_nanos + statement.overage_nanos
    window = f"{statement.starts_at.timestamp():.0f}:{spent}:{statement.limit_nanos}"
    return f"forecast:{statement.budget_id}:{window}:{period_start(now, QUARTER).timestamp():.0f}"

"""What a batch of the writer does with money: closings first, then admissions.

PostgreSQL locks the windows that a transaction changes until its end. Closings and admissions
change them in two statements, each in the order of its keys, but both together in none; so where a
batch has both, all of its windows are locked before. Else two processes could each hold a window
that the other waits for, a second long, until the database ends one of them. Windows that are
missing are made before that: it locks their budgets, and whoever has a window locked waits for no
budget.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from router_app.budgets.plans import current_windows, lock_windows
from router_app.gateway.access import access
from router_app.gateway.admission import admit_all
from router_app.gateway.asked import Asked, Outcome
from router_app.gateway.closing import close_all
from router_app.gateway.ended import Closed, Closure
from router_app.gateway.jobs import Together
from router_app.models import Budget

MOST_REMEMBERED = 100_000
_ALWAYS = datetime.max.replace(tzinfo=UTC)
_open_until: dict[int, datetime] = {}  # by budget: a window that was seen ends then


def admitting(asked: Asked) -> Together[Any, Outcome]:
    """The operation that admits it, together with all that waits."""
    return Together(_book_all, asked)


def closing(closure: Closure) -> Together[Any, Closed]:
    """The operation that closes it, together with all that waits."""
    return Together(_book_all, closure)


def _book_all(items: Sequence[Asked | Closure]) -> list[Any]:
    """An `Outcome` or `Closed` for each. Raises AlreadyClosed as `close_all` does."""
    asked = [item for item in items if isinstance(item, Asked)]
    closures = [item for item in items if isinstance(item, Closure)]
    if asked and closures:
        _lock_windows(asked, closures)
    closed = iter(close_all(closures) if closures else ())
    outcomes = iter(admit_all(asked) if asked else ())
    return [next(outcomes if isinstance(item, Asked) else closed) for item in items]


def _lock_windows(asked: Sequence[Asked], closures: Sequence[Closure]) -> None:
    """In one order. What is remembered of people may be old here: then no more than the order is
    lost."""
    if connection.vendor != "postgresql":
        return  # SQLite has one writer
    now = timezone.now()
    access.load(item.request for item in asked)
    budgets = {budget.pk: budget for item in asked for budget in access.budgets_of(item.request)}
    _see_opened(budgets.values(), now)
    window_ids = {window.pk for each in closures for window in each.admission.windows}
    lock_windows(window_ids, budgets, now=now)


def _see_opened(budgets: Iterable[Budget], now: datetime) -> None:
    """Each has a window. One that was there is remembered for as long as it lasts: to look again
    in every batch would be one more way to the database and back."""
    unknown = [budget for budget in budgets if _open_until.get(budget.pk, now) <= now]
    if not unknown:
        return
    if len(_open_until) > MOST_REMEMBERED:
        _open_until.clear()
    for budget_id, window in current_windows(unknown, now).items():
        _open_until[budget_id] = window.ends_at or _ALWAYS

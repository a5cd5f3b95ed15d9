"""Top-ups: an amount for the running period of a budget, whose own limit stays as it is.

A window's limit is always its budget's limit and its top-ups; the next window begins with the
budget's alone. A top-up that ends before its window does is ended by whoever admits next, and until
then statements already leave it out. Counters are not touched, and the highest limit that a window
ever had only rises, so what was held within the higher limit stays within it.
"""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from router_app.budgets.limits import HIGHEST_LIMIT_NANOS
from router_app.budgets.permissions import NotYours, require_change
from router_app.budgets.plans import OpenWindow, current_windows, lock_windows
from router_app.budgets.thresholds import note_reached
from router_app.budgets.trail import Action, moment, note_limit
from router_app.models import Budget, Level, TopUp, User, Window
from router_app.money import format_usd


def top_up(
    budget: Budget,
    *,
    amount_nanos: int,
    reason: str,
    author: User,
    now: datetime,
    until: datetime | None = None,
) -> TopUp:
    """Raise the running window's limit, to its end or until a moment before that.

    Raises NotYours for whoever may not change the budget and where the sum is too high, ValueError
    for an amount of nothing, no reason, a moment that is over or a budget that is closed.
    """
    require_change(author, budget)
    _check(amount_nanos, reason, until, now)
    with transaction.atomic():
        if not Budget.objects.filter(pk=budget.pk, is_active=True).exists():
            raise ValueError("this limit is closed")
        window = current_windows([budget], now)[budget.pk]
        _raise(budget, window, amount_nanos)
        ends_first = until is not None and (window.ends_at is None or until < window.ends_at)
        made = TopUp.objects.create(
            window_id=window.pk,
            amount_nanos=amount_nanos,
            until=until if ends_first else None,
            author=author,
            reason=reason,
            created_at=now,
        )
        _note(budget, made)
    return made


def end_expired(now: datetime) -> int:
    """Let the limits of windows fall back whose top-ups are over; how many ended.

    Inside a transaction. Each ends once, whoever else is doing the same.
    """
    over = TopUp.objects.filter(ended_at=None, until__lte=now).order_by()
    window_ids = sorted(set(over.values_list("window_id", flat=True)))
    if not window_ids:
        return 0
    lock_windows(window_ids, (), now=now)
    ended = 0
    for each in over.filter(window_id__in=window_ids).order_by("window_id", "pk"):
        if TopUp.objects.filter(pk=each.pk, ended_at=None).update(ended_at=now):
            Window.objects.filter(pk=each.window_id).update(
                limit_nanos=F("limit_nanos") - each.amount_nanos,
                topped_up_nanos=F("topped_up_nanos") - each.amount_nanos,
            )
            ended += 1
    note_reached(window_ids, now=now)
    return ended


def _check(amount_nanos: int, reason: str, until: datetime | None, now: datetime) -> None:
    if amount_nanos <= 0:
        raise ValueError("a top-up adds something")
    if amount_nanos > HIGHEST_LIMIT_NANOS:
        raise ValueError(f"a top-up is at most {format_usd(HIGHEST_LIMIT_NANOS)}")
    if not reason.strip():
        raise ValueError("a top-up needs a reason")
    if until is not None and until <= now:
        raise ValueError("this moment is over")


def _raise(budget: Budget, window: OpenWindow, amount_nanos: int) -> None:
    """In one statement, which also checks that the sum stays within what may be set."""
    own = budget.level == Level.USER
    most = settings.SELF_SERVICE_MAX_NANOS if own else HIGHEST_LIMIT_NANOS
    raised = F("limit_nanos") + amount_nanos
    room = Window.objects.filter(pk=window.pk, limit_nanos__lte=most - amount_nanos)
    changed = room.update(
        limit_nanos=raised,
        topped_up_nanos=F("topped_up_nanos") + amount_nanos,
        peak_limit_nanos=Greatest("peak_limit_nanos", raised),
    )
    if not changed:
        raise NotYours(f"With its top-ups a limit here is at most {format_usd(most)}.")


def _note(budget: Budget, made: TopUp) -> None:
    after = {"amount_nanos": made.amount_nanos, "reason": made.reason}
    if made.until:
        after["until"] = moment(made.until)
    note_limit(Action.LIMIT_TOPPED_UP, budget, by=made.author, after=after)

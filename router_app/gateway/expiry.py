"""The clock closes what nobody closed in time: calls past their lease, requests left running, and
top-ups that are over."""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from router_app.budgets import ledger, topups
from router_app.errors import AlreadyClosed
from router_app.gateway.closing import note_closed
from router_app.models import Call, Message, Reservation, RoutingDecision
from router_app.models.rows import update_rows
from router_app.providers.base import UsageSource

logger = logging.getLogger(__name__)

AT_ONCE = 200  # reservations in one statement
LOOK_FOR_LOST_SECONDS = 1.0  # how often at most requests without any open call are looked for

Outcome = RoutingDecision.Outcome
_CALL = (
    "id",
    "outcome",
    "usage_source",
    "failure_kind",
    "failure_detail",
    "cost_nanos",
    "closed_at",
)
# As it stands in the index of running ones: SQLite does not use that for a parameter.
_IS_RUNNING = RawSQL("router_app_routingdecision.outcome = 'running'", (), BooleanField())
_looked_at = 0.0


def expire_overdue(*, now: datetime, user_id: int | None = None) -> tuple[int, int]:
    """Close what is past its lease: sent calls presumed, unsent ones released; counts of each.

    Top-ups that are over end with it, whosever they are.
    """
    with transaction.atomic():
        topups.end_expired(now)
        late = ledger.overdue(now, user_id=user_id)
        closed = [
            reservation
            for start in range(0, len(late), AT_ONCE)
            for reservation in _expire(late[start : start + AT_ONCE], now)
        ]
        _end_lost_decisions(now, user_id)
    presumed = sum(_was_sent(reservation) for reservation in closed)
    return presumed, len(closed) - presumed


def expire_at_admission(now: datetime, *, any_overdue: bool) -> None:
    """The same for everybody, cheap enough for every batch of requests."""
    global _looked_at
    look = not 0 <= now.timestamp() - _looked_at < LOOK_FOR_LOST_SECONDS
    if look or any_overdue:
        _looked_at = now.timestamp()
        expire_overdue(now=now)


def _expire(late: Sequence[Reservation], now: datetime) -> Sequence[Reservation]:
    """Those of them that could be closed: all at once, or else each that can be."""
    try:
        with transaction.atomic():
            _close(late, now)
    except (AlreadyClosed, IntegrityError, DataError):
        if len(late) > 1:
            return [each for one in late for each in _expire([one], now)]
        # Everybody's requests come by here: one that is broken must not stop them.
        logger.exception("reservation %s cannot be closed", late[0].pk)
        return []
    return late


def _close(late: Sequence[Reservation], now: datetime) -> None:
    ledger.expire_many(late, now=now)
    by_id = {reservation.pk: reservation for reservation in late}
    calls = list(Call.objects.select_related("decision").filter(reservation__in=by_id))
    for call in calls:
        _note_lost(call, by_id[call.reservation_id], now)
    update_rows(Call, _CALL, [[getattr(call, column) for column in _CALL] for call in calls])
    note_closed(calls)
    _finish([call.decision_id for call in calls], now)


def _note_lost(call: Call, reservation: Reservation, now: datetime) -> None:
    was_sent = _was_sent(reservation)
    call.outcome = (Call.Outcome.PRESUMED if was_sent else Call.Outcome.FAILED).value
    call.usage_source = UsageSource.PRESUMED.value if was_sent else ""
    call.failure_kind = "lost"
    call.failure_detail = "the server stopped while this call was under way"
    call.cost_nanos = reservation.amount_nanos if was_sent else 0
    call.closed_at = now


def _was_sent(reservation: Reservation) -> bool:
    return reservation.state == Reservation.State.SENT


def _end_lost_decisions(now: datetime, user_id: int | None) -> None:
    """A process may die between two attempts, when no call is open and none follows."""
    longest = timedelta(seconds=settings.CALL_TOTAL_SECONDS + settings.LEASE_MARGIN_SECONDS)
    running = RoutingDecision.objects.filter(_IS_RUNNING, created_at__lte=now - longest)
    lost = running.exclude(calls__reservation__state__in=Reservation.OPEN_STATES)
    own = lost if user_id is None else lost.filter(user_id=user_id)
    _finish(list(own.values_list("pk", flat=True)), now)


def _finish(decision_ids: Sequence[uuid.UUID], now: datetime) -> None:
    if not decision_ids:
        return
    running = RoutingDecision.objects.filter(pk__in=decision_ids, outcome=Outcome.RUNNING)
    running.update(outcome=Outcome.INTERRUPTED, closed_at=now)
    error = {"code": "lost", "message": "The server stopped while this answer was being written."}
    Message.objects.filter(decision__in=decision_ids, state=Message.State.WRITING).update(
        state=Message.State.INTERRUPTED, error=error
    )

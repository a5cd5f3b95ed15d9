"""The clock closes what nobody closed in time: calls past their lease, requests left running."""

import logging
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DataError, IntegrityError, transaction

from router_app.budgets import ledger
from router_app.errors import AlreadyClosed
from router_app.gateway.closing import note_closed
from router_app.models import Call, Message, Reservation, RoutingDecision
from router_app.providers.base import UsageSource

logger = logging.getLogger(__name__)

LOOK_FOR_LOST_SECONDS = 1.0  # how often at most requests without any open call are looked for

Outcome = RoutingDecision.Outcome
_looked_at = 0.0


def expire_overdue(*, now: datetime, user_id: int | None = None) -> tuple[int, int]:
    """Close what is past its lease: sent calls presumed, unsent ones released; counts of each."""
    presumed = released = 0
    for reservation in ledger.overdue(now, user_id=user_id):
        try:
            with transaction.atomic():
                was_sent = _expire(reservation, now)
        except AlreadyClosed:
            continue
        except (IntegrityError, DataError):
            # Everybody's requests come by here: one that is broken must not stop them.
            logger.exception("reservation %s cannot be closed", reservation.pk)
            continue
        presumed += was_sent
        released += not was_sent
    _end_lost_decisions(now, user_id)
    return presumed, released


def expire_at_admission(now: datetime, *, any_overdue: bool) -> None:
    """The same for everybody, cheap enough for every batch of requests."""
    global _looked_at
    look = not 0 <= now.timestamp() - _looked_at < LOOK_FOR_LOST_SECONDS
    if look or any_overdue:
        _looked_at = now.timestamp()
        expire_overdue(now=now)


def _expire(reservation: Reservation, now: datetime) -> bool:
    was_sent = reservation.state == Reservation.State.SENT
    if was_sent:
        ledger.presume(reservation.pk, now=now)
    else:
        ledger.release(reservation.pk, now=now, unsent=True)
    call = Call.objects.filter(reservation=reservation).first()
    if call is None:
        return was_sent
    call.outcome = Call.Outcome.PRESUMED if was_sent else Call.Outcome.FAILED
    call.usage_source = UsageSource.PRESUMED if was_sent else ""
    call.failure_kind = "lost"
    call.failure_detail = "the server stopped while this call was under way"
    call.cost_nanos = reservation.amount_nanos if was_sent else 0
    call.closed_at = now
    call.save()
    note_closed(call)
    _finish(call.decision_id, now)
    return was_sent


def _end_lost_decisions(now: datetime, user_id: int | None) -> None:
    """A process may die between two attempts, when no call is open and none follows."""
    longest = timedelta(seconds=settings.CALL_TOTAL_SECONDS + settings.LEASE_MARGIN_SECONDS)
    running = RoutingDecision.objects.filter(outcome=Outcome.RUNNING, created_at__lte=now - longest)
    lost = running.exclude(calls__reservation__state__in=Reservation.OPEN_STATES)
    for decision in lost if user_id is None else lost.filter(user_id=user_id):
        _finish(decision.pk, now)


def _finish(decision_id: uuid.UUID, now: datetime) -> None:
    running = RoutingDecision.objects.filter(pk=decision_id, outcome=Outcome.RUNNING)
    running.update(outcome=Outcome.INTERRUPTED, closed_at=now)
    error = {"code": "lost", "message": "The server stopped while this answer was being written."}
    Message.objects.filter(decision=decision_id, state=Message.State.WRITING).update(
        state=Message.State.INTERRUPTED, error=error
    )

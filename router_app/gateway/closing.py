"""Settle and record, in one transaction: the bread below the filling.

A call is closed once. Money, call, decision, message and the line for the request log change
together or not at all. Everything here runs on the writer thread or in a command.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from router_app.budgets import ledger
from router_app.budgets.statements import Statement, statements_of
from router_app.errors import AlreadyClosed
from router_app.gateway.requests import Admission
from router_app.models import Call, ClosedCall, Message, Reservation, RoutingDecision
from router_app.money import token_cost_nanos
from router_app.providers.base import ProviderFailure, Usage, UsageSource

Outcome = RoutingDecision.Outcome


@dataclass(frozen=True, slots=True)
class Ending:
    """How one attempt ended. `usage` None: presume, unless `released`."""

    outcome: Call.Outcome
    usage: Usage | None = None
    released: bool = False  # provably not billed
    finish_reason: str = ""
    failure: ProviderFailure | None = None
    provider_request_id: str = ""
    first_token_at: datetime | None = None
    last: bool = True  # no further attempt follows
    message_id: uuid.UUID | None = None
    text: str = field(default="", repr=False)
    error: dict[str, object] | None = None  # for the page, where there is no whole answer


@dataclass(frozen=True, slots=True)
class Closed:
    """What was booked. Amounts in nano-dollars."""

    cost_nanos: int
    total_cost_nanos: int
    closed_at: datetime
    budgets: tuple[Statement, ...]


def close(admission: Admission, ending: Ending) -> Closed:
    """Book the attempt and write down what happened; if the clock closed it before, that stands."""
    now = timezone.now()
    try:
        cost = _book(admission, ending, now)
    except AlreadyClosed:
        cost = Call.objects.values_list("cost_nanos", flat=True).get(pk=admission.call_id)
    else:
        _record_call(admission, ending, cost, now)
    if ending.last:
        _finish(admission.decision_id, _decision_outcome(ending.outcome), now)
        _finish_message(ending)
    decision = RoutingDecision.objects.only("cost_nanos", "user_id").get(pk=admission.decision_id)
    budgets = tuple(statements_of(decision.user_id, now=now)) if ending.last else ()
    return Closed(cost, decision.cost_nanos, now, budgets)


def give_up(
    decision_id: uuid.UUID,
    *,
    message_id: uuid.UUID | None,
    error: dict[str, object],
    stopped: bool = False,
) -> int:
    """No attempt brought text and none follows; returns what they cost, in nanos."""
    outcome = Outcome.STOPPED if stopped else Outcome.FAILED
    _finish(decision_id, outcome, timezone.now())
    if message_id is not None:
        state = Message.State.STOPPED if stopped else Message.State.FAILED
        Message.objects.filter(pk=message_id).update(state=state, error=error)
    return RoutingDecision.objects.values_list("cost_nanos", flat=True).get(pk=decision_id)


def note_sent(admission: Admission) -> bool:
    """held → sent, written before a byte leaves. False: the clock was quicker, do not call."""
    now = timezone.now()
    sent = ledger.mark_sent(admission.reservation_id, now=now)
    if sent:
        Call.objects.filter(pk=admission.call_id).update(sent_at=now)
    return sent


def note_progress(decision_id: uuid.UUID, message_id: uuid.UUID, text: str) -> bool:
    """Keep the text so far; returns whether the person asked to stop.

    The message may be gone with its conversation; the decision stays.
    """
    Message.objects.filter(pk=message_id, state=Message.State.WRITING).update(text=text)
    stopping = RoutingDecision.objects.filter(pk=decision_id, stop_requested_at__isnull=False)
    return stopping.exists()


def expire_overdue(*, now: datetime, user_id: int | None = None) -> tuple[int, int]:
    """Close what is past its lease: sent calls presumed, unsent ones released; counts of each."""
    presumed = released = 0
    for reservation in ledger.overdue(now, user_id=user_id):
        try:
            with transaction.atomic():
                was_sent = _expire(reservation, now)
        except AlreadyClosed:
            continue
        presumed += was_sent
        released += not was_sent
    _end_lost_decisions(now, user_id)
    return presumed, released


def correct_call(
    call_id: uuid.UUID, *, actual_nanos: int, author_id: int | None, reason: str
) -> int:
    """Book that a closed call cost something else; returns the change in nanos.

    Raises ValueError for an open call, a cost below nothing, or no reason.
    """
    with transaction.atomic():
        call = Call.objects.get(pk=call_id)
        delta = ledger.correct(
            call.reservation_id,
            actual_nanos=actual_nanos,
            author_id=author_id,
            reason=reason,
            now=timezone.now(),
        )
        Call.objects.filter(pk=call_id).update(correction_nanos=F("correction_nanos") + delta)
        RoutingDecision.objects.filter(pk=call.decision_id).update(
            cost_nanos=F("cost_nanos") + delta
        )
    return delta


def _book(admission: Admission, ending: Ending, now: datetime) -> int:
    if ending.released:
        ledger.release(admission.reservation_id, now=now)
        return 0
    if ending.usage is None:
        ledger.presume(admission.reservation_id, now=now)
        return admission.reserved_nanos
    cost = token_cost_nanos(
        admission.rates,
        input_tokens=ending.usage.input_tokens,
        output_tokens=ending.usage.output_tokens,
        cached_tokens=ending.usage.cached_tokens,
    )
    ledger.settle(admission.reservation_id, actual_nanos=cost, now=now)
    return cost


def _record_call(admission: Admission, ending: Ending, cost_nanos: int, now: datetime) -> None:
    usage = ending.usage or Usage(0, 0)
    source = "" if ending.released else (usage.source if ending.usage else UsageSource.PRESUMED)
    Call.objects.filter(pk=admission.call_id).update(
        outcome=ending.outcome,
        failure_kind=ending.failure.kind if ending.failure else "",
        failure_detail=ending.failure.detail[:200] if ending.failure else "",
        finish_reason=ending.finish_reason[:20],
        cost_nanos=cost_nanos,
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        usage_source=source,
        provider_request_id=ending.provider_request_id[:120],
        first_token_at=ending.first_token_at,
        closed_at=now,
    )
    _booked(admission.call_id, admission.decision_id, cost_nanos)


def _booked(call_id: uuid.UUID, decision_id: uuid.UUID, cost_nanos: int) -> None:
    RoutingDecision.objects.filter(pk=decision_id).update(cost_nanos=F("cost_nanos") + cost_nanos)
    ClosedCall.objects.create(call_id=call_id)


def _finish(decision_id: uuid.UUID, outcome: Outcome, now: datetime) -> None:
    running = RoutingDecision.objects.filter(pk=decision_id, outcome=Outcome.RUNNING)
    running.update(outcome=outcome, closed_at=now)


def _finish_message(ending: Ending) -> None:
    if ending.message_id is None:
        return
    states = {
        Call.Outcome.ANSWERED: Message.State.COMPLETE,
        Call.Outcome.STOPPED: Message.State.STOPPED,
        Call.Outcome.INTERRUPTED: Message.State.INTERRUPTED,
    }
    state = states.get(ending.outcome, Message.State.FAILED)
    Message.objects.filter(pk=ending.message_id).update(
        text=ending.text, state=state, error=ending.error
    )


def _decision_outcome(outcome: Call.Outcome) -> Outcome:
    if outcome == Call.Outcome.PRESUMED:
        return Outcome.INTERRUPTED
    return Outcome(outcome.value)


def _expire(reservation: Reservation, now: datetime) -> bool:
    was_sent = reservation.state == Reservation.State.SENT
    if was_sent:
        ledger.presume(reservation.pk, now=now)
    else:
        ledger.release(reservation.pk, now=now, unsent=True)
    call = Call.objects.filter(reservation=reservation).first()
    if call is None:
        return was_sent
    cost = reservation.amount_nanos if was_sent else 0
    Call.objects.filter(pk=call.pk).update(
        outcome=Call.Outcome.PRESUMED if was_sent else Call.Outcome.FAILED,
        usage_source=UsageSource.PRESUMED if was_sent else "",
        failure_kind="lost",
        failure_detail="the server stopped while this call was under way",
        cost_nanos=cost,
        closed_at=now,
    )
    _booked(call.pk, call.decision_id, cost)
    _finish_lost(call.decision_id, now)
    return was_sent


def _end_lost_decisions(now: datetime, user_id: int | None) -> None:
    """A process may die between two attempts, when no call is open and none follows."""
    longest = timedelta(seconds=settings.CALL_TOTAL_SECONDS + settings.LEASE_MARGIN_SECONDS)
    running = RoutingDecision.objects.filter(outcome=Outcome.RUNNING, created_at__lte=now - longest)
    lost = running.exclude(calls__reservation__state__in=Reservation.OPEN_STATES)
    for decision in lost if user_id is None else lost.filter(user_id=user_id):
        _finish_lost(decision.pk, now)


def _finish_lost(decision_id: uuid.UUID, now: datetime) -> None:
    _finish(decision_id, Outcome.INTERRUPTED, now)
    error = {"code": "lost", "message": "The server stopped while this answer was being written."}
    Message.objects.filter(decision=decision_id, state=Message.State.WRITING).update(
        state=Message.State.INTERRUPTED, error=error
    )

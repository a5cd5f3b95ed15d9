"""Booking that a closed call really cost something else."""

import uuid

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from router_app.analytics.usage import correct_usage, whose_is
from router_app.budgets import corrections
from router_app.models import AuditEntry, Call, RoutingDecision


def correct_call(
    call_id: uuid.UUID, *, actual_nanos: int, author_id: int | None, reason: str
) -> int:
    """Book that a closed call cost something else; returns the change in nanos, which is 0 where
    what is booked was confirmed.

    Raises ValueError for an open call, a cost below nothing, or no reason.
    """
    now = timezone.now()
    with transaction.atomic():
        call = Call.objects.select_related("decision").get(pk=call_id)
        delta = corrections.correct(
            call.reservation_id,
            actual_nanos=actual_nanos,
            author_id=author_id,
            reason=reason,
            now=now,
        )
        Call.objects.filter(pk=call_id).update(
            correction_nanos=F("correction_nanos") + delta, decided_at=now
        )
        RoutingDecision.objects.filter(pk=call.decision_id).update(
            cost_nanos=F("cost_nanos") + delta
        )
        correct_usage(whose=whose_is(call), at=call.created_at, delta_nanos=delta)
        AuditEntry.note(
            AuditEntry.Action.COST_CORRECTED,
            f"call {call_id}",
            actor_id=author_id,
            workspace_id=call.workspace_id,
            before={"cost_nanos": actual_nanos - delta},
            after={"cost_nanos": actual_nanos, "reason": reason},
        )
    return delta

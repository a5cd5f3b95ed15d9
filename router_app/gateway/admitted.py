"""Writes down what was admitted: the decisions and their calls. On the writer thread."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from router_app.gateway.access import access
from router_app.gateway.asked import Attempt
from router_app.gateway.requests import Admission, Face, RouteRequest
from router_app.models import Call, RoutingDecision
from router_app.models.rows import Row, insert_rows

Admitted = tuple[RouteRequest, Attempt, Admission]

_DECISION = (
    "id",
    "user_id",
    "workspace_id",
    "api_key_id",
    "face",
    "task_type",
    "quality",
    "budget_nanos",
    "requested_model",
    "prompt",
    "receipt",
    "quality_met",
)
_NEW_DECISION = {"outcome": RoutingDecision.Outcome.RUNNING.value, "cost_nanos": 0}
_CALL = (
    "id",
    "decision_id",
    "attempt",
    "reservation_id",
    "user_id",
    "workspace_id",
    "model_id",
    "price_id",
    "task_type",
    "quality",
    "output_cap_tokens",
    "estimated_nanos",
    "reserved_nanos",
)
_NEW_CALL = {
    "outcome": Call.Outcome.RUNNING.value,
    "failure_kind": "",
    "failure_detail": "",
    "finish_reason": "",
    "cost_nanos": 0,
    "correction_nanos": 0,
    "input_tokens": 0,
    "cached_tokens": 0,
    "output_tokens": 0,
    "reasoning_tokens": 0,
    "usage_source": "",
    "provider_request_id": "",
}


def write_admitted(admitted: Sequence[Admitted], now: datetime) -> None:
    """A call for each attempt; a decision for each request, whose further attempts renew it."""
    first = [item for item in admitted if item[1].decision_id is None]
    made = {"created_at": now}
    insert_rows(
        RoutingDecision,
        _DECISION,
        [_decision(request, admission) for request, _, admission in first],
        same=_NEW_DECISION | made,
    )
    for _, attempt, admission in admitted:
        if attempt.decision_id is not None:
            _renew(attempt.decision_id, admission)
    insert_rows(
        Call, _CALL, [_call(*item) for item in admitted], same=_NEW_CALL | made | {"sent_at": now}
    )


def _renew(decision_id: uuid.UUID, admission: Admission) -> None:
    RoutingDecision.objects.filter(pk=decision_id).update(
        receipt=admission.decision.as_dict(), quality_met=admission.decision.quality_met
    )


def _decision(request: RouteRequest, admission: Admission) -> Row:
    person = access.person(request.user_id)
    keeps_prompt = person is not None and person.keeps_prompts and request.face != Face.CHAT
    return (
        admission.decision_id,
        request.user_id,
        admission.workspace_id,
        request.api_key_id,
        request.face.value,
        request.task.value,
        request.quality.value,
        request.budget_nanos,
        request.model or "",
        request.prompt if keeps_prompt else "",
        admission.decision.as_json(),
        admission.decision.quality_met,
    )


def _call(request: RouteRequest, attempt: Attempt, admission: Admission) -> Row:
    chosen = admission.decision.chosen
    assert chosen is not None  # noqa: S101
    return (
        admission.call_id,
        admission.decision_id,
        attempt.number,
        admission.reservation_id,
        request.user_id,
        admission.workspace_id,
        chosen.model_pk,
        chosen.price_pk,
        request.task.value,
        request.quality.value,
        admission.cap_tokens,
        chosen.priced.estimated_cost_nanos,
        admission.reserved_nanos,
    )

"""A stored decision as its receipt shows it: what was chosen and why, what it cost, each attempt.

`receipt_context` feeds `templates/receipt/_selection.html`, `_cost.html` and `_attempts.html`,
which the history and the chat share. Amounts are in nano-dollars.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from router_app.models import Call, RoutingDecision
from router_app.routing.candidates import Candidate
from router_app.routing.decision import Decision
from router_app.routing.pace import Saving
from router_app.routing.request import Funds
from router_app.web import words


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """One model of the catalogue: in the running, or why not."""

    name: str
    model_id: str
    provider: str
    model_pk: int
    rank: int | None
    quality: int
    bonus: int
    score: int
    expected_nanos: int | None
    held_nanos: int | None
    cap_tokens: int | None
    reason: str  # why it was dropped; empty for those in the running

    @property
    def is_chosen(self) -> bool:
        return self.rank == 1

    @property
    def is_dropped(self) -> bool:
        return self.rank is None


@dataclass(frozen=True, slots=True)
class Selection:
    """Why this model."""

    reason: str
    floor: int
    quality_met: bool
    policy_version: str
    candidates: tuple[CandidateRow, ...]
    funds: tuple[Funds, ...]  # what each budget had left
    saving: Saving | None  # a budget was ahead of its pace


@dataclass(frozen=True, slots=True)
class Cost:
    """What the last attempt was thought to cost and cost, and what all of them cost."""

    estimated_nanos: int
    held_nanos: int
    actual_nanos: int | None  # of this attempt, corrections included; None while it runs
    variance: str  # "+12.3 %" of actual against estimated; empty where it cannot be said
    overage_nanos: int
    correction_nanos: int
    earlier_nanos: int  # what earlier attempts cost
    total_nanos: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    usage: str  # where the token counts come from, in words

    @property
    def is_running(self) -> bool:
        return self.actual_nanos is None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One call, in words."""

    number: int
    name: str
    model_id: str
    model_pk: int
    outcome: str
    failure: str
    detail: str
    finish: str
    sent_at: datetime | None
    closed_at: datetime | None
    first_token_seconds: float | None
    seconds: float | None
    held_nanos: int
    cost_nanos: int
    input_tokens: int
    output_tokens: int
    provider_request_id: str


def receipt_context(decision: RoutingDecision) -> dict[str, Any]:
    """`selection`, `cost` (None if nothing was ever held) and `attempts` of a decision.

    One query, or none where `calls__model` is prefetched.
    """
    routed = Decision.from_dict(decision.receipt)
    calls = sorted(decision.calls.all(), key=lambda call: call.attempt)
    return {
        "selection": _selection(decision, routed),
        "cost": _cost(decision, calls) if calls else None,
        "attempts": tuple(_attempt(call, routed) for call in calls),
    }


def _selection(decision: RoutingDecision, routed: Decision) -> Selection:
    return Selection(
        reason=routed.reason,
        floor=routed.floor,
        quality_met=decision.quality_met,
        policy_version=routed.policy_version,
        candidates=tuple(_candidate_row(candidate) for candidate in routed.candidates),
        funds=routed.funds,
        saving=routed.saving,
    )


def _candidate_row(candidate: Candidate) -> CandidateRow:
    estimate = candidate.estimate
    return CandidateRow(
        name=candidate.name,
        model_id=candidate.id,
        provider=candidate.provider,
        model_pk=candidate.model_pk,
        rank=candidate.rank,
        quality=candidate.score.quality,
        bonus=candidate.score.bonus,
        score=candidate.score.total,
        expected_nanos=estimate.expected_cost_nanos if estimate else None,
        held_nanos=estimate.ceiling_nanos if estimate else None,
        cap_tokens=estimate.cap_tokens if estimate else None,
        reason=candidate.drop.reason if candidate.drop else "",
    )


def _cost(decision: RoutingDecision, calls: Sequence[Call]) -> Cost:
    last = calls[-1]
    actual = None if last.outcome == Call.Outcome.RUNNING else last.total_nanos
    return Cost(
        estimated_nanos=last.estimated_nanos,
        held_nanos=last.reserved_nanos,
        actual_nanos=actual,
        variance=words.variance(last.estimated_nanos, actual),
        overage_nanos=max(0, last.cost_nanos - last.reserved_nanos),
        correction_nanos=last.correction_nanos,
        earlier_nanos=sum(call.total_nanos for call in calls[:-1]),
        total_nanos=decision.cost_nanos,
        input_tokens=last.input_tokens,
        cached_tokens=last.cached_tokens,
        output_tokens=last.output_tokens,
        reasoning_tokens=last.reasoning_tokens,
        usage=words.usage_source(last.usage_source),
    )


def _attempt(call: Call, routed: Decision) -> AttemptRow:
    known = next((c for c in routed.candidates if c.model_pk == call.model_id), None)
    return AttemptRow(
        number=call.attempt,
        name=known.name if known else call.model.name,
        model_id=known.id if known else call.model.model_id,
        model_pk=call.model_id,
        outcome=words.call_outcome(call.outcome, was_sent=call.sent_at is not None),
        failure=words.failure(call.failure_kind),
        detail=call.failure_detail,
        finish=words.finish(call.finish_reason),
        sent_at=call.sent_at,
        closed_at=call.closed_at,
        first_token_seconds=_seconds(call.sent_at, call.first_token_at),
        seconds=_seconds(call.sent_at, call.closed_at),
        held_nanos=call.reserved_nanos,
        cost_nanos=call.total_nanos,
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        provider_request_id=call.provider_request_id,
    )


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return None if begin is None or end is None else (end - begin).total_seconds()

"""From what the gateway returns to a reply. Nothing is decided here."""

from collections.abc import Iterable, Sequence
from typing import Any

from router_app.api.replies import (
    AttemptReply,
    BudgetReply,
    CandidateReply,
    ClampReply,
    DecisionReply,
    DropReply,
    LimitReply,
    RouteReply,
    SavingReply,
    ScoreReply,
    UsageReply,
)
from router_app.budgets.statements import Statement
from router_app.gateway.requests import Answer
from router_app.gateway.service import Preview
from router_app.models import Call
from router_app.providers.base import Usage
from router_app.routing.candidates import Candidate, Estimate
from router_app.routing.decision import Decision
from router_app.routing.pace import Saving
from router_app.routing.tasks import Task

STAND_IN_NOTE = (
    "A small local model wrote this in place of {name}: routing, budgets and costs are real, "
    "the text is not what {name} would say."
)
STAND_IN_PREVIEW = "A small local model would write this in place of {name}."


def answer_reply(answer: Answer, attempts: Sequence[AttemptReply] = ()) -> RouteReply:
    """The reply to a prompt that was answered."""
    return RouteReply(
        id=answer.decision_id,
        model=answer.model,
        response=answer.text,
        estimated_cost=answer.estimated_nanos,
        actual_cost=answer.total_cost_nanos,
        tokens_used=answer.usage.input_tokens + answer.usage.output_tokens,
        routing_reason=answer.decision.reason,
        quality_met=answer.decision.quality_met,
        finish_reason=answer.finish_reason or str(answer.outcome),
        stand_in=answer.stand_in,
        note=STAND_IN_NOTE.format(name=answer.model_name) if answer.stand_in else None,
        usage=_usage(answer.usage),
        decision=_decision(answer.decision, attempts),
        budget=_budget(answer.budgets, answer.decision),
    )


def preview_reply(preview: Preview) -> RouteReply:
    """The reply to a dry run: the same shape, with nothing said and nothing spent."""
    decision, spec = preview.decision, preview.spec
    estimate = decision.chosen.estimate if decision.chosen else None
    return RouteReply(
        id=None,
        model=spec.id,
        response=None,
        estimated_cost=estimate.estimated_cost_nanos if estimate else 0,
        actual_cost=0,
        tokens_used=0,
        routing_reason=decision.reason,
        quality_met=decision.quality_met,
        finish_reason=None,
        stand_in=preview.stand_in,
        note=STAND_IN_PREVIEW.format(name=spec.name) if preview.stand_in else None,
        usage=_usage(None),
        decision=_decision(decision),
        budget=_budget(preview.budgets, decision),
    )


def attempt_reply(call: Call) -> AttemptReply:
    """One call of a request that took several; needs `call.model`."""
    return AttemptReply(
        model=call.model.model_id,
        outcome=call.outcome,
        cost=call.cost_nanos,
        failure=call.failure_detail or None,
    )


def tightest_of(statements: Iterable[Statement], task: Task) -> Statement | None:
    """Of the budgets that cover this task the one with the least left; None without a limit."""
    return min(_covering(statements, task), key=lambda item: item.free_nanos, default=None)


def _usage(usage: Usage | None) -> UsageReply:
    known = usage or Usage(0, 0)
    return UsageReply(
        input_tokens=known.input_tokens,
        output_tokens=known.output_tokens,
        cached_tokens=known.cached_tokens,
        reasoning_tokens=known.reasoning_tokens,
        source=usage.source.value if usage else None,
    )


def _decision(decision: Decision, attempts: Sequence[AttemptReply] = ()) -> DecisionReply:
    clamp = decision.clamp
    return DecisionReply(
        policy_version=decision.policy_version,
        task_type=decision.task,
        quality=decision.quality,
        floor=decision.floor,
        route=decision.route,
        clamp=ClampReply(
            budget=clamp.budget, from_tokens=clamp.from_tokens, to_tokens=clamp.to_tokens
        )
        if clamp
        else None,
        saving=_saving(decision.saving),
        candidates=tuple(_candidate(candidate) for candidate in decision.candidates),
        attempts=tuple(attempts),
    )


def _saving(saving: Saving | None) -> SavingReply | None:
    if saving is None:
        return None
    pace = saving.pace
    return SavingReply(
        budget=pace.budget,
        gone=pace.gone_nanos,
        limit=pace.limit_nanos,
        passed_seconds=pace.passed_seconds,
        window_seconds=pace.window_seconds,
        near_equal_points=saving.near_equal_points,
        instead_of=saving.instead_of,
    )


def _candidate(candidate: Candidate) -> CandidateReply:
    score, drop = candidate.score, candidate.drop
    return CandidateReply(
        model=candidate.id,
        name=candidate.name,
        provider=candidate.provider,
        rank=candidate.rank,
        score=ScoreReply(total=score.total, quality=score.quality, bonus=score.bonus),
        dropped=DropReply(code=drop.code, reason=drop.reason) if drop else None,
        **_prices(candidate.estimate),
    )


def _prices(estimate: Estimate | None) -> dict[str, Any]:
    """All null for a model without a price."""
    return {
        "expected_cost": estimate and estimate.expected_cost_nanos,
        "ceiling_cost": estimate and estimate.ceiling_nanos,
        "input_tokens": estimate and estimate.expected_input_tokens,
        "output_tokens": estimate and estimate.expected_output_tokens,
        "cap_tokens": estimate and estimate.cap_tokens,
    }


def _budget(statements: Iterable[Statement], decision: Decision) -> BudgetReply:
    covering = _covering(statements, decision.task)
    tightest = tightest_of(covering, decision.task)
    return BudgetReply(
        tightest=tightest.name if tightest else None,
        left=tightest.free_nanos if tightest else None,
        resets_at=tightest.resets_at if tightest else None,
        limits=tuple(_limit(item) for item in covering),
    )


def _covering(statements: Iterable[Statement], task: Task) -> list[Statement]:
    return [item for item in statements if item.task_type in ("", task)]


def _limit(statement: Statement) -> LimitReply:
    return LimitReply(
        name=statement.name,
        period=statement.period,
        task_type=statement.task_type or None,
        limit=statement.limit_nanos,
        spent=statement.spent_nanos + statement.overage_nanos,
        reserved=statement.reserved_nanos,
        available=statement.free_nanos,
        resets_at=statement.resets_at,
    )

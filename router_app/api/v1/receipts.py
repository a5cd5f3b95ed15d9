"""From what the gateway returns to JSON in OpenAI's shape. Nothing is decided here."""

import uuid
from collections.abc import Iterable
from typing import Any

from msgspec import Raw

from router_app.api.amounts import usd
from router_app.api.receipts import STAND_IN_NOTE, STAND_IN_PREVIEW, tightest_of
from router_app.api.v1.tool_calls import as_told
from router_app.budgets.statements import Statement
from router_app.gateway.requests import Answer
from router_app.gateway.service import Preview
from router_app.providers.base import Usage
from router_app.routing.candidates import Clamp
from router_app.routing.decision import Decision
from router_app.routing.pace import Saving

COMPLETION = "chat.completion"
UNFINISHED = "length"  # an answer that was stopped from outside is cut, which is what this says


def completion_id(decision_id: uuid.UUID) -> str:
    """The id of an answer in OpenAI's style; its digits are the decision's."""
    return f"chatcmpl-{decision_id.hex}"


def completion(answer: Answer, created: int, *, tells_reasoning: bool) -> dict[str, Any]:
    """A whole answer."""
    choice = {
        "index": 0,
        "message": _message(answer, tells_reasoning),
        "logprobs": None,
        "finish_reason": answer.finish_reason or UNFINISHED,
    }
    return {
        "id": completion_id(answer.decision_id),
        "object": COMPLETION,
        "created": created,
        "model": answer.model,
        "choices": [choice],
        "usage": usage_of(answer.usage, answer.total_cost_nanos),
        "service_tier": None,
        "system_fingerprint": None,
        "router": router_of(answer),
    }


def dry_run(preview: Preview, created: int) -> dict[str, Any]:
    """A decision without an answer: no choices, nothing spent."""
    return {
        "id": completion_id(uuid.uuid4()),
        "object": COMPLETION,
        "created": created,
        "model": preview.spec.id,
        "choices": [],
        "usage": usage_of(Usage(0, 0), 0),
        "service_tier": None,
        "system_fingerprint": None,
        "router": router_of_preview(preview),
    }


def usage_of(usage: Usage, cost_nanos: int) -> dict[str, Any]:
    """Tokens as OpenAI counts them, and `cost` in USD."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "cost": usd(cost_nanos),
    }


def router_of(answer: Answer) -> dict[str, Any]:
    """Who answered, why, and what is left."""
    decision = answer.decision
    return {
        "id": answer.decision_id,
        "call_id": answer.call_id,
        "model": answer.model,
        "provider": answer.provider,
        "reason": decision.reason,
        "quality_met": decision.quality_met,
        "task_type": decision.task,
        "quality": decision.quality,
        "stand_in": answer.stand_in,
        "note": STAND_IN_NOTE.format(name=answer.model_name) if answer.stand_in else None,
        "estimated_cost": usd(answer.estimated_nanos),
        "actual_cost": usd(answer.total_cost_nanos),
        "usage_source": answer.usage.source,
        "attempts": answer.attempts,
        "clamp": _clamp(decision.clamp),
        "saving": _saving(decision.saving),
        "budget": _budget(answer.budgets, decision),
    }


def router_of_preview(preview: Preview) -> dict[str, Any]:
    """The same for a dry run."""
    decision, spec = preview.decision, preview.spec
    estimate = decision.chosen.estimate if decision.chosen else None
    return {
        "id": None,
        "call_id": None,
        "model": spec.id,
        "provider": spec.provider,
        "reason": decision.reason,
        "quality_met": decision.quality_met,
        "task_type": decision.task,
        "quality": decision.quality,
        "stand_in": preview.stand_in,
        "note": STAND_IN_PREVIEW.format(name=spec.name) if preview.stand_in else None,
        "estimated_cost": usd(estimate.estimated_cost_nanos if estimate else 0),
        "actual_cost": usd(0),
        "usage_source": None,
        "attempts": 0,
        "clamp": _clamp(decision.clamp),
        "saving": _saving(decision.saving),
        "budget": _budget(preview.budgets, decision),
    }


def _message(answer: Answer, tells_reasoning: bool) -> dict[str, Any]:
    calls = answer.tool_calls
    text = answer.text or (None if calls else "")
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if answer.reasoning and tells_reasoning:
        message["reasoning"] = answer.reasoning
    if calls:
        message["tool_calls"] = Raw(as_told(calls))
    return message


def _clamp(clamp: Clamp | None) -> dict[str, Any] | None:
    if clamp is None:
        return None
    return {
        "budget": clamp.budget,
        "from_tokens": clamp.from_tokens,
        "to_tokens": clamp.to_tokens,
    }


def _saving(saving: Saving | None) -> dict[str, Any] | None:
    if saving is None:
        return None
    pace = saving.pace
    return {
        "budget": pace.budget,
        "gone": usd(pace.gone_nanos),
        "limit": usd(pace.limit_nanos),
        "passed_seconds": pace.passed_seconds,
        "window_seconds": pace.window_seconds,
        "near_equal_points": saving.near_equal_points,
        "instead_of": saving.instead_of,
    }


def _budget(statements: Iterable[Statement], decision: Decision) -> dict[str, Any]:
    tightest = tightest_of(statements, decision.task)
    if tightest is None:
        return {"tightest": None, "left": None, "resets_at": None}
    return {
        "tightest": tightest.name,
        "left": usd(tightest.free_nanos),
        "resets_at": tightest.resets_at,
    }

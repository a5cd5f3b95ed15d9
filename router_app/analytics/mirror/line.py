"""What one line of the request log says.

Only facts that never change once the call is closed: later corrections, a renamed person or model
and further attempts of the same request leave a line as it is, so that the file can be made again
byte for byte. Prompts are in it only where their owner turned storing them on.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from router_app.models import Call
from router_app.money import usd_from_nanos


def line_for(call: Call) -> bytes:
    """The line, with its newline, of a closed call fetched with what `outbox` selects.

    Pure ASCII: control characters and Unicode's line separators are escaped, so that no tool
    takes one line for two. Amounts are USD with every digit down to the nano-dollar.
    """
    members = (f"{json.dumps(name)}:{_as_json(value)}" for name, value in _members(call).items())
    return ("{" + ",".join(members) + "}\n").encode("ascii")


def _members(call: Call) -> dict[str, Any]:
    decision = call.decision
    candidate = _candidate(call)
    members = {
        "at": _instant(call.closed_at),
        "id": str(decision.pk),
        "call": str(call.pk),
        "attempt": call.attempt,
        "user": call.user_id,
        "key": decision.api_key.prefix if decision.api_key else None,
        "face": decision.face,
        "provider": candidate.get("provider", call.model.provider.slug),
        "model": candidate.get("id", call.model.model_id),
        "task_type": call.task_type,
        "quality": call.quality,
        "quality_met": _quality_met(call, candidate),
        "outcome": call.outcome,
        "failure_kind": call.failure_kind or None,
        "finish_reason": call.finish_reason or None,
        **_amounts(call),
        "milliseconds": _milliseconds(call.sent_at, call.closed_at),
    }
    return {**members, "prompt": decision.prompt} if decision.prompt else members


def _amounts(call: Call) -> dict[str, Any]:
    return {
        "input_tokens": call.input_tokens,
        "cached_tokens": call.cached_tokens,
        "output_tokens": call.output_tokens,
        "reasoning_tokens": call.reasoning_tokens,
        "usage_source": call.usage_source or None,
        "estimated_cost": usd_from_nanos(call.estimated_nanos),
        "reserved": usd_from_nanos(call.reserved_nanos),
        "actual_cost": usd_from_nanos(call.cost_nanos),
        "variance_percent": _variance_percent(call.estimated_nanos, call.cost_nanos),
    }


def _candidate(call: Call) -> Mapping[str, Any]:
    """The call's model as the receipt knew it; empty if the receipt does not name it."""
    receipt = call.decision.receipt if isinstance(call.decision.receipt, dict) else {}
    named = (c for c in receipt.get("candidates", ()) if c.get("model_pk") == call.model_id)
    return next(named, {})


def _quality_met(call: Call, candidate: Mapping[str, Any]) -> bool:
    # The decision's own flag speaks of its latest attempt, which may be another model.
    score, floor = candidate.get("score"), call.decision.receipt.get("floor") if candidate else None
    if not score or floor is None:
        return call.decision.quality_met
    return bool(score["quality"] >= floor)


def _variance_percent(estimated_nanos: int, actual_nanos: int) -> Decimal | None:
    if estimated_nanos == 0:
        return None
    percent = Decimal(100 * (actual_nanos - estimated_nanos)) / estimated_nanos
    return percent.quantize(Decimal("0.1"), rounding=ROUND_HALF_EVEN)


def _milliseconds(sent_at: datetime | None, closed_at: datetime | None) -> int | None:
    """From sending to closing; None for a call that was never sent."""
    if sent_at is None or closed_at is None:
        return None
    return round((closed_at - sent_at).total_seconds() * 1000)


def _instant(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _as_json(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f")

"""`GET /v1/models` and `/v1/models/{id}`: what may stand under `model`."""

from decimal import Decimal
from typing import Any

from router_app.api.v1.errors import ModelNotFound
from router_app.api.v1.naming import Named, listed_names, read_name
from router_app.catalog.snapshot import Snapshot
from router_app.gateway import service
from router_app.gateway.writer import writer
from router_app.money import TOKENS_PER_RATE
from router_app.routing.specs import ModelSpec, ModelStatus

OWNER = "budget-router"  # of `auto`
REASONING = "reasoning"  # among what a model supports: it takes a `reasoning_effort`
UNKNOWN_TIME = 0


async def list_models() -> dict[str, Any]:
    """Every model that could be routed to, and `auto` with one word each."""
    specs = await _routed_to()
    named = [_auto(name, specs) for name in listed_names()]
    return {"object": "list", "data": [*named, *map(_model, specs)]}


async def retrieve_model(name: str) -> dict[str, Any]:
    """One of them. Raises ModelNotFound for any other."""
    specs = await _routed_to()
    if read_name(name) != Named(model=name):
        return _auto(name, specs)
    for spec in specs:
        if spec.id == name:
            return _model(spec)
    raise ModelNotFound("No model has this id. Those that can be asked for are at /v1/models.")


async def _routed_to() -> list[ModelSpec]:
    snapshot: Snapshot = await writer.soon(service.catalog)
    return [spec for spec in snapshot.specs if _serves(spec)]


def _serves(spec: ModelSpec) -> bool:
    is_on = spec.status in (ModelStatus.ACTIVE, ModelStatus.PREVIEW)
    return is_on and spec.rates is not None and not spec.unavailable_reason


def _model(spec: ModelSpec) -> dict[str, Any]:
    return {
        "id": spec.id,
        "object": "model",
        "created": UNKNOWN_TIME,
        "owned_by": spec.provider,
        "name": spec.name,
        "context_window": spec.context_tokens,
        "max_completion_tokens": spec.max_output_tokens,
        "pricing": _pricing(spec),
        "supports": _supports(spec),
        "quality": spec.quality,
        "strengths": sorted(spec.strengths),
        "active": True,
    }


def _auto(name: str, specs: list[ModelSpec]) -> dict[str, Any]:
    """What any of the models can do, the router can find."""
    _, *words = name.split(":")
    return {
        "id": name,
        "object": "model",
        "created": UNKNOWN_TIME,
        "owned_by": OWNER,
        "name": " ".join(["Auto", *words]),
        "context_window": max((spec.context_tokens for spec in specs), default=0),
        "max_completion_tokens": max((spec.max_output_tokens for spec in specs), default=0),
        "pricing": None,
        "supports": sorted({ability for spec in specs for ability in _supports(spec)}),
        "quality": None,
        "strengths": sorted(set().union(*(spec.strengths for spec in specs))),
        "active": bool(specs),
    }


def _supports(spec: ModelSpec) -> list[str]:
    reasoning = {REASONING} if spec.reasoning_efforts else set()
    return sorted({*map(str, spec.supports), *reasoning})


def _pricing(spec: ModelSpec) -> dict[str, str] | None:
    if spec.rates is None:
        return None
    return {
        "prompt": _per_token(spec.rates.input),
        "completion": _per_token(spec.rates.output),
        "input_cache_read": _per_token(spec.rates.cached_input),
    }


def _per_token(usd_per_million: Decimal) -> str:
    """USD per token as digits, without an exponent or trailing zeros."""
    digits = f"{usd_per_million / TOKENS_PER_RATE:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits

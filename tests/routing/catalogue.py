"""The four models the product began with, and a request to route among them."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from router_app.estimates.tokens import estimate_input_tokens, input_bound_base
from router_app.money import Rates
from router_app.routing.choose import decide
from router_app.routing.decision import Decision
from router_app.routing.policy import Policy
from router_app.routing.request import Funds, RoutingRequest
from router_app.routing.specs import ModelSpec
from router_app.routing.tasks import Quality, Task

POLICY = Policy(version="test")
LLAMA_70B = "llama-3.3-70b-versatile"
GPT_120B = "openai/gpt-oss-120b"
GPT_20B = "openai/gpt-oss-20b"
LLAMA_8B = "llama-3.1-8b-instant"
CENT = 10_000_000
AMPLE = 100 * CENT


def rates(input_usd: str, output_usd: str) -> Rates:
    """USD per million tokens; cached input at the plain rate."""
    return Rates(Decimal(input_usd), Decimal(input_usd), Decimal(output_usd))


def spec(
    model_id: str, quality: int, prices: Rates | None, *strengths: Task, **more: Any
) -> ModelSpec:
    """A model with room to spare, unless `more` says otherwise."""
    facts: dict[str, Any] = {
        "id": model_id,
        "name": model_id.rpartition("/")[2],
        "provider": "demo",
        "quality": quality,
        "strengths": frozenset(strengths),
        "rates": prices,
        "context_tokens": 131_072,
        "max_output_tokens": 32_768,
        "template_allowance_tokens": 64,
    }
    return ModelSpec(**facts | more)


def seed_specs() -> list[ModelSpec]:
    """The published catalogue, all four active."""
    general, code, email, summarize = Task.GENERAL, Task.CODE, Task.EMAIL, Task.SUMMARIZE
    return [
        spec(LLAMA_70B, 88, rates("0.59", "0.79"), general, code, summarize, pk=1, price_pk=11),
        spec(GPT_120B, 85, rates("0.15", "0.60"), general, code, email, pk=2, price_pk=12),
        spec(GPT_20B, 68, rates("0.075", "0.30"), general, email, pk=3, price_pk=13),
        spec(LLAMA_8B, 55, rates("0.05", "0.08"), general, pk=4, price_pk=14),
    ]


def with_change(specs: list[ModelSpec], model_id: str, **changes: Any) -> list[ModelSpec]:
    """The same catalogue with one model changed."""
    return [replace(item, **changes) if item.id == model_id else item for item in specs]


def request(prompt: str = "Explain quicksort", **wishes: Any) -> RoutingRequest:
    """A request for `prompt`; a general task, low quality and an ample budget unless said."""
    messages = [{"role": "user", "content": prompt}]
    facts: dict[str, Any] = {
        "task": Task.GENERAL,
        "quality": Quality.LOW,
        "budget_nanos": AMPLE,
        "input_tokens": estimate_input_tokens(messages),
        "input_bound_base": input_bound_base(messages),
    }
    return RoutingRequest(**facts | wishes)


def route(
    *funds: Funds, specs: list[ModelSpec] | None = None, policy: Policy = POLICY, **wishes: Any
) -> Decision:
    """The decision about `request(**wishes)`."""
    return decide(request(**wishes), seed_specs() if specs is None else specs, policy, funds)


def chosen_id(decision: Decision) -> str | None:
    """The id of the chosen model, None for a refusal."""
    return decision.chosen.id if decision.chosen else None

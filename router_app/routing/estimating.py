"""One model's estimate for one request: tokens, caps, expected cost and ceiling."""

from collections.abc import Sequence

from router_app.estimates.cost import affordable_cap_tokens, ceiling_nanos, expected_cost_nanos
from router_app.estimates.output import default_cap_tokens, expected_output_tokens
from router_app.estimates.tokens import EXPECTED_IMAGE_TOKENS
from router_app.money import Rates
from router_app.routing.candidates import Clamp, Estimate
from router_app.routing.policy import Policy
from router_app.routing.request import REQUEST_BUDGET, Funds, RoutingRequest
from router_app.routing.specs import ModelSpec


def tightest(request: RoutingRequest, headroom: Sequence[Funds]) -> Funds | None:
    """Of the request's budget and the windows, the one with the least money; None: no limit."""
    purses = list(headroom)
    if request.budget_nanos is not None:
        purses.insert(0, Funds(REQUEST_BUDGET, request.budget_nanos))
    return min(purses, key=lambda funds: funds.available_nanos, default=None)


def estimate(
    request: RoutingRequest, spec: ModelSpec, policy: Policy, money: Funds | None
) -> Estimate | None:
    """Tokens and nano-dollars of sending `request` to `spec`; None where it has no price."""
    rates = spec.rates
    if rates is None:
        return None
    likely_images = request.images * min(EXPECTED_IMAGE_TOKENS, spec.image_tokens)
    bound = request.input_bound_base + request.images * spec.image_tokens
    bound += spec.template_allowance_tokens
    expected_input = min(request.input_tokens + likely_images, bound)
    likely = expected_output_tokens(request.task, request.input_tokens)
    asked = request.max_tokens or default_cap_tokens(request.task, likely)
    wanted = max(0, min(asked, spec.max_output_tokens, spec.context_tokens - expected_input))
    likely = min(likely, wanted)
    cap = _affordable(rates, bound, wanted, money)
    useful = _useful_tokens(request, asked, spec, policy)
    return Estimate(
        expected_input_tokens=expected_input,
        expected_output_tokens=likely,
        bound_input_tokens=bound,
        useful_tokens=useful,
        wanted_cap_tokens=wanted,
        cap_tokens=cap,
        expected_cost_nanos=_expected(rates, expected_input, likely),
        estimated_cost_nanos=_expected(rates, expected_input, min(likely, cap)),
        ceiling_nanos=_ceiling(rates, bound, cap),
        useful_ceiling_nanos=_ceiling(rates, bound, useful),
        clamp=Clamp(money.name, wanted, cap) if money and cap < wanted else None,
    )


def _useful_tokens(request: RoutingRequest, asked: int, spec: ModelSpec, policy: Policy) -> int:
    """A small explicit cap is never cut; a large one, or our own default, may be."""
    least = policy.useful_output_tokens
    if request.max_tokens is not None:
        least = policy.useful_output_tokens_when_asked
    return max(1, min(asked, least, spec.max_output_tokens))


def _affordable(rates: Rates, bound: int, wanted: int, money: Funds | None) -> int:
    if money is None:
        return wanted
    cap = affordable_cap_tokens(rates, bound_input_tokens=bound, money_nanos=money.available_nanos)
    return min(wanted, cap)


def _expected(rates: Rates, input_tokens: int, output_tokens: int) -> int:
    return expected_cost_nanos(rates, input_tokens=input_tokens, output_tokens=output_tokens)


def _ceiling(rates: Rates, bound: int, cap: int) -> int:
    return ceiling_nanos(rates, bound_input_tokens=bound, cap_tokens=cap)

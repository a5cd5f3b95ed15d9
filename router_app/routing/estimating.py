"""One model's estimate for one request: tokens, caps, expected cost and ceiling."""

from collections.abc import Sequence
from dataclasses import dataclass

from router_app.estimates.cost import affordable_cap_tokens, ceiling_nanos, expected_cost_nanos
from router_app.estimates.output import default_cap_tokens, expected_output_tokens
from router_app.estimates.tokens import EXPECTED_IMAGE_TOKENS
from router_app.money import Rates
from router_app.routing.candidates import Clamp, Estimate
from router_app.routing.policy import Policy
from router_app.routing.request import REQUEST_BUDGET, Funds, RoutingRequest
from router_app.routing.specs import ModelSpec


@dataclass(frozen=True, slots=True)
class Wish:
    """How long an answer is wanted and what may pay for it: the same for every model."""

    likely_tokens: int
    asked_tokens: int  # the output cap, before any model's limits
    useful_tokens: int  # a cap below this is not worth a call
    money: Funds | None  # the tightest budget; None: no limit

    @classmethod
    def of(cls, request: RoutingRequest, policy: Policy, headroom: Sequence[Funds]) -> "Wish":
        """A small explicit cap is never cut; a large one, or our own default, may be."""
        likely = expected_output_tokens(request.task, request.input_tokens)
        asked, useful = request.max_tokens, policy.useful_output_tokens_when_asked
        if asked is None:
            asked = default_cap_tokens(request.task, likely)
            useful = policy.useful_output_tokens
        return cls(likely, asked, min(asked, useful), tightest(request, headroom))


def tightest(request: RoutingRequest, headroom: Sequence[Funds]) -> Funds | None:
    """Of the request's budget and the windows, the one with the least money; None: no limit."""
    purses = list(headroom)
    if request.budget_nanos is not None:
        purses.insert(0, Funds(REQUEST_BUDGET, request.budget_nanos))
    return min(purses, key=lambda funds: funds.available_nanos, default=None)


def estimate(request: RoutingRequest, spec: ModelSpec, wish: Wish) -> Estimate | None:
    """Tokens and nano-dollars of sending `request` to `spec`; None where it has no price."""
    rates, money = spec.rates, wish.money
    if rates is None:
        return None
    expected_input, bound = _input_tokens(request, spec)
    longest = max(0, min(spec.max_output_tokens, spec.context_tokens - expected_input))
    wanted = min(wish.asked_tokens, longest)
    likely = min(wish.likely_tokens, wanted)
    useful = max(1, min(wish.useful_tokens, spec.max_output_tokens))
    cap = wanted if money is None else min(wanted, _affordable(rates, bound, money))
    expected = expected_cost_nanos(rates, input_tokens=expected_input, output_tokens=likely)
    estimated = expected
    if cap < likely:
        estimated = expected_cost_nanos(rates, input_tokens=expected_input, output_tokens=cap)
    return Estimate(
        expected_input_tokens=expected_input,
        expected_output_tokens=likely,
        bound_input_tokens=bound,
        useful_tokens=useful,
        wanted_cap_tokens=wanted,
        cap_tokens=cap,
        expected_cost_nanos=expected,
        estimated_cost_nanos=estimated,
        ceiling_nanos=ceiling_nanos(rates, bound_input_tokens=bound, cap_tokens=cap),
        useful_ceiling_nanos=ceiling_nanos(rates, bound_input_tokens=bound, cap_tokens=useful),
        clamp=Clamp(money.name, wanted, cap) if money and cap < wanted else None,
    )


def _input_tokens(request: RoutingRequest, spec: ModelSpec) -> tuple[int, int]:
    """The likely input and the most it can be, the model's template and its images included."""
    likely = request.input_tokens
    bound = request.input_bound_base + spec.template_allowance_tokens
    if images := request.images:
        likely += images * min(EXPECTED_IMAGE_TOKENS, spec.image_tokens)
        bound += images * spec.image_tokens
    return min(likely, bound), bound


def _affordable(rates: Rates, bound: int, money: Funds) -> int:
    left = money.available_nanos
    return affordable_cap_tokens(rates, bound_input_tokens=bound, money_nanos=left)

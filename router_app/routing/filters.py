"""Why a model is not in the running: one function per kind of reason, None where there is none."""

from collections.abc import Sequence
from decimal import ROUND_FLOOR
from functools import lru_cache

from router_app.money import format_usd
from router_app.routing.abilities import lacks
from router_app.routing.candidates import Drop, DropCode, Estimate
from router_app.routing.request import REQUEST_BUDGET, Funds, RoutingRequest
from router_app.routing.specs import ModelSpec, ModelStatus
from router_app.routing.tasks import Quality

_SERVING = frozenset({ModelStatus.ACTIVE, ModelStatus.PREVIEW})


def cannot_serve(
    request: RoutingRequest, spec: ModelSpec, estimate: Estimate | None
) -> Drop | None:
    """Reasons that neither money nor a lower quality would change."""
    wanted = request.only or request.model
    if spec.id != wanted and wanted is not None:
        return Drop(DropCode.NOT_ASKED, "another model was asked for")
    return (
        _switched_off(spec)
        or _lacks_ability(request, spec)
        or _excluded(request, spec)
        or (_no_price() if estimate is None else _context_too_small(spec, estimate))
    )


def _switched_off(spec: ModelSpec) -> Drop | None:
    if spec.status in _SERVING:
        gone = spec.unavailable_reason
        return Drop(DropCode.UNAVAILABLE, gone) if gone else None
    if spec.status is ModelStatus.RETIRED:
        when = f" on {spec.retires_on:%Y-%m-%d}" if spec.retires_on else ""
        successor = f", replaced by {spec.replaced_by}" if spec.replaced_by else ""
        return Drop(DropCode.RETIRED, f"retired{when}{successor}")
    return Drop(DropCode.OFF, "switched off by an administrator")


def _lacks_ability(request: RoutingRequest, spec: ModelSpec) -> Drop | None:
    missing = lacks(request, spec)
    return Drop(DropCode.LACKS_ABILITY, missing) if missing else None


def _excluded(request: RoutingRequest, spec: ModelSpec) -> Drop | None:
    reason = request.excluded.get(spec.id)
    return None if reason is None else Drop(DropCode.EXCLUDED, reason)


def _no_price() -> Drop:
    return Drop(DropCode.NO_PRICE, "no price is in force")


def _context_too_small(spec: ModelSpec, estimate: Estimate) -> Drop | None:
    if estimate.wanted_cap_tokens >= estimate.useful_tokens:
        return None
    return Drop(
        DropCode.CONTEXT_TOO_SMALL,
        f"the prompt of about {estimate.expected_input_tokens:,} tokens leaves no room for an "
        f"answer in its context of {spec.context_tokens:,}",
    )


def below_floor(request: RoutingRequest, floor: int, quality: int) -> Drop | None:
    """The quality score does not reach the floor of the quality asked for."""
    if quality >= floor:
        return None
    return _below_floor(quality, request.quality, floor)


@lru_cache(maxsize=1024)  # the same models are below it in every request
def _below_floor(quality: int, asked: Quality, floor: int) -> Drop:
    return Drop(
        DropCode.BELOW_FLOOR, f"quality {quality} is below the {asked.value} floor of {floor}"
    )


def too_dear(
    request: RoutingRequest,
    estimate: Estimate,
    money: Funds | None,
    headroom: Sequence[Funds],
) -> Drop | None:
    """Why the budgets do not allow it. OVER_FUNDS alone may still be squeezed: see `choose`."""
    return (
        _over_request_budget(request, estimate)
        or _cap_too_small(estimate, money)
        or _over_funds(estimate, headroom)
    )


def _over_request_budget(request: RoutingRequest, estimate: Estimate) -> Drop | None:
    """The expected cost is above the request's own budget."""
    if request.budget_nanos is None or estimate.expected_cost_nanos <= request.budget_nanos:
        return None
    return Drop(
        DropCode.OVER_REQUEST_BUDGET,
        f"expected cost {format_usd(estimate.expected_cost_nanos)} is above the request's "
        f"budget of {format_usd(request.budget_nanos)}",
    )


def _cap_too_small(estimate: Estimate, money: Funds | None) -> Drop | None:
    """What the tightest budget has buys fewer output tokens than are useful.

    A window in debt buys nothing, not even from a model that is free.
    """
    if money is None or estimate.cap_tokens >= estimate.useful_tokens:
        return None
    return Drop(
        DropCode.CAP_TOO_SMALL,
        f"{spoken(money.name)} has {format_usd(money.available_nanos, rounding=ROUND_FLOOR)} left; "
        f"even {estimate.useful_tokens:,} tokens of answer can cost "
        f"{format_usd(estimate.useful_ceiling_nanos)}",
    )


def _over_funds(estimate: Estimate, headroom: Sequence[Funds]) -> Drop | None:
    """The expected cost is above what a window still has."""
    for funds in headroom:
        if estimate.expected_cost_nanos > funds.available_nanos:
            left = format_usd(funds.available_nanos, rounding=ROUND_FLOOR)
            return Drop(
                DropCode.OVER_FUNDS,
                f"expected cost {format_usd(estimate.expected_cost_nanos)} is above the "
                f"{left} left in {spoken(funds.name)}",
            )
    return None


def spoken(budget: str) -> str:
    """The name of a budget as it reads inside a sentence."""
    return "the request's budget" if budget == REQUEST_BUDGET else budget

"""What a refused request is told: which budget is tight and what would fit."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR
from enum import StrEnum

from msgspec import Struct

from router_app.money import format_usd
from router_app.routing.abilities import wanted
from router_app.routing.candidates import Candidate, DropCode, Estimate
from router_app.routing.filters import spoken
from router_app.routing.request import REQUEST_BUDGET, Funds, RoutingRequest, funds_for

_AWAY = (DropCode.RETIRED, DropCode.OFF, DropCode.UNAVAILABLE)


class RefusalKind(StrEnum):
    """Why there is no candidate."""

    BUDGET = "budget"
    NO_CANDIDATE = "no_candidate"
    UNKNOWN_MODEL = "unknown_model"


class RoutingRefusal(Struct, frozen=True):
    """Why nothing was chosen. The money members are set for kind "budget" only; nano-dollars."""

    kind: RefusalKind
    message: str  # a sentence for people
    budget: str | None = None  # the tight one: "request", or the name of a Funds
    budget_pk: int | None = None  # the same for programs; None: the request's own
    available_nanos: int | None = None  # what that one has
    needed_nanos: int | None = None  # what it must have for the cheapest model's shortest answer
    cheapest_model: str | None = None
    affordable_max_tokens: int = 0  # asking again with this max_tokens fits; 0: nothing does


def refuse(
    request: RoutingRequest,
    *,
    everyone: Sequence[Candidate],
    payable: Sequence[Candidate],
    headroom: Sequence[Funds],
    floor: int,
) -> RoutingRefusal:
    """Why none of `everyone` was chosen; `payable` are those that more money would buy.

    Where the caller forbids lower quality and a model at the floor could serve, money is the
    obstacle ("budget"), even if a lower one would fit. Where none at the floor could serve, no
    money helps: "no_candidate".
    """
    if request.model and request.model not in {candidate.id for candidate in everyone}:
        return RoutingRefusal(RefusalKind.UNKNOWN_MODEL, "There is no model with this id.")
    if not payable:
        return RoutingRefusal(RefusalKind.NO_CANDIDATE, _nobody(request, everyone, floor))
    return _budget_refusal(request, payable, headroom)


def _nobody(request: RoutingRequest, everyone: Sequence[Candidate], floor: int) -> str:
    named = request.only or request.model
    for candidate in everyone:
        if candidate.id == named and candidate.drop:
            return f"{candidate.name} cannot answer this: {candidate.drop.reason}."
    if any(candidate.drop is None for candidate in everyone):
        return (
            f"No available model meets {request.quality.value} quality ({floor} or more), "
            "and a lower quality was not allowed."
        )
    if _unable(everyone):
        return f"No available model can do what this request needs: {wanted(request)}."
    return "No model can answer this request at the moment."


def _unable(everyone: Sequence[Candidate]) -> bool:
    """Whether every model that is there at all lacks an ability."""
    there = [item.drop.code for item in everyone if item.drop and item.drop.code not in _AWAY]
    return bool(there) and all(code is DropCode.LACKS_ABILITY for code in there)


def _budget_refusal(
    request: RoutingRequest, payable: Sequence[Candidate], headroom: Sequence[Funds]
) -> RoutingRefusal:
    cheapest = min(payable, key=lambda item: (_needed(request, item.priced), item.id))
    funds = funds_for(headroom, cheapest.model_pk)
    tight, needed = _tight(request, cheapest.priced, funds)
    fitting = max(candidate.priced.cap_tokens for candidate in payable)
    return RoutingRefusal(
        kind=RefusalKind.BUDGET,
        message=_too_dear(tight, needed, cheapest.name, fitting),
        budget=tight.name,
        budget_pk=tight.budget_pk,
        available_nanos=tight.available_nanos,
        needed_nanos=needed,
        cheapest_model=cheapest.id,
        affordable_max_tokens=fitting,
    )


def _needed(request: RoutingRequest, estimate: Estimate) -> int:
    """What one call takes: the shortest useful answer, and for the request's budget the estimate.

    A window may be squeezed below the expected cost, the request's own budget may not.
    """
    if request.budget_nanos is None:
        return estimate.useful_ceiling_nanos
    return max(estimate.useful_ceiling_nanos, estimate.expected_cost_nanos)


def _tight(
    request: RoutingRequest, estimate: Estimate, headroom: Sequence[Funds]
) -> tuple[Funds, int]:
    """Of the budgets that fail this estimate the one with the least money, and what it needs."""
    failing = [
        (funds, estimate.useful_ceiling_nanos)
        for funds in headroom
        if funds.available_nanos < estimate.useful_ceiling_nanos
    ]
    needed = _needed(request, estimate)
    if request.budget_nanos is not None and request.budget_nanos < needed:
        failing.insert(0, (Funds(REQUEST_BUDGET, request.budget_nanos), needed))
    return min(failing, key=lambda item: item[0].available_nanos)


def _too_dear(tight: Funds, needed_nanos: int, model_name: str, fitting_tokens: int) -> str:
    budget = spoken(tight.name)
    fits = f" With max_tokens up to {fitting_tokens:,} it would fit." if fitting_tokens else ""
    left = format_usd(tight.available_nanos, rounding=ROUND_FLOOR)
    needed = format_usd(needed_nanos, rounding=ROUND_CEILING)
    return (
        f"{budget[:1].upper()}{budget[1:]} does not pay for an answer: it has {left} left, "
        f"and {model_name}, the cheapest model that could answer, needs {needed}.{fits}"
    )

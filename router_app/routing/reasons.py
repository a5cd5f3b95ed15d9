"""The sentence that says why a model was chosen: `routing_reason`, shown to people."""

from collections.abc import Sequence

from router_app.routing.candidates import Candidate
from router_app.routing.decision import Route
from router_app.routing.filters import spoken
from router_app.routing.pace import Saving
from router_app.routing.request import RoutingRequest


def why_chosen(
    request: RoutingRequest,
    route: Route,
    ranked: Sequence[Candidate],
    floor: int,
    limited: bool,
    saving: Saving | None = None,
) -> str:
    """Why the first of `ranked` is first, and what was given up for it.

    `limited` says whether any budget applies, `saving` whether one is ahead of its pace.
    """
    clauses = [
        _opening(request, route, ranked, limited, saving),
        *_about_pace(saving),
        *_about_quality(request, route, ranked[0], floor),
        *_about_length(ranked[0]),
    ]
    return "; ".join(clauses)


def _opening(
    request: RoutingRequest,
    route: Route,
    ranked: Sequence[Candidate],
    limited: bool,
    saving: Saving | None,
) -> str:
    name = ranked[0].name
    if route is Route.OVERRIDE:
        return f"{name} was asked for by name"
    if request.only:
        return f"{name} is tried again"
    if route is Route.CHEAPEST:
        return f"{name} is the cheapest model{' within budget' if limited else ''}"
    if route is Route.SQUEEZED:
        return f"{name} is what the money left can still pay for"
    if saving is not None and saving.instead_of is not None:
        return _cheaper(request, ranked, saving)
    return _best(request, ranked, limited)


def _cheaper(request: RoutingRequest, ranked: Sequence[Candidate], saving: Saving) -> str:
    chosen = ranked[0]
    best = next(candidate for candidate in ranked if candidate.id == saving.instead_of)
    return (
        f"Cheapest of near-equals for {request.task.value} tasks, to save ahead of pace: "
        f"{chosen.name} scores {chosen.score.total}, {best.name} {best.score.total}"
    )


def _about_pace(saving: Saving | None) -> list[str]:
    if saving is None:
        return []
    none_cheaper = "" if saving.instead_of else ", and no near-equal is cheaper"
    return [f"{saving.pace.words}{none_cheaper}"]


def _best(request: RoutingRequest, ranked: Sequence[Candidate], limited: bool) -> str:
    chosen, score = ranked[0], ranked[0].score
    parts = f" ({score.quality} + {score.bonus} for {request.task.value})" if score.bonus else ""
    within = " within budget" if limited else ""
    cheaper = ", the cheaper of equals" if _won_by_price(ranked) else ""
    return (
        f"Best quality match for {request.task.value} tasks{within}: "
        f"{chosen.name} scores {score.total}{parts}{cheaper}"
    )


def _won_by_price(ranked: Sequence[Candidate]) -> bool:
    if len(ranked) < 2 or ranked[0].score.total != ranked[1].score.total:
        return False
    return ranked[0].priced.expected_cost_nanos < ranked[1].priced.expected_cost_nanos


def _about_quality(
    request: RoutingRequest, route: Route, chosen: Candidate, floor: int
) -> list[str]:
    if chosen.score.quality >= floor:
        return []
    level = request.quality.value
    below = f"its quality {chosen.score.quality} is below the {level} floor of {floor}"
    if route is Route.OVERRIDE:
        return [below]
    able = "able, " if request.needs or request.reasoning_effort else ""
    return [f"{below}, which no model that is {able}available and affordable meets"]


def _about_length(chosen: Candidate) -> list[str]:
    clamp = chosen.priced.clamp
    if clamp is None:
        return []
    return [f"its answer is limited to {clamp.to_tokens:,} tokens by {spoken(clamp.budget)}"]

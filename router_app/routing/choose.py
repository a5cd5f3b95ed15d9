"""`decide`: the rules of `policy.py`, applied in order."""

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from router_app.routing.candidates import Candidate, Drop, DropCode
from router_app.routing.decision import Decision, Route
from router_app.routing.estimating import Wish, estimate
from router_app.routing.filters import below_floor, cannot_serve, too_dear
from router_app.routing.pace import Pace, by_pace
from router_app.routing.policy import Policy
from router_app.routing.reasons import why_chosen
from router_app.routing.refusal import RoutingRefusal, refuse
from router_app.routing.request import Funds, RoutingRequest, funds_for
from router_app.routing.scoring import by_name, by_price, by_score, score
from router_app.routing.specs import ModelSpec

_Order = Callable[[Candidate], tuple[int | str, ...]]
_Picked = tuple[Route, list[Candidate]]  # the rule that chose; those in the running, best first


class _Entrant(Struct, frozen=True, gc=False):
    """A candidate and what stands against it."""

    candidate: Candidate  # dropped already, if it cannot serve at all
    too_low: Drop | None
    too_dear: Drop | None


_Fits = Callable[[_Entrant], bool]


def decide(
    request: RoutingRequest,
    specs: Sequence[ModelSpec],
    policy: Policy,
    headroom: Sequence[Funds],
    paces: Sequence[Pace] = (),
) -> Decision:
    """Choose a model, or say in `refusal` why none; never raises because nothing fits.

    `headroom` are the funds of all windows, `paces` of those of pace-aware budgets that end.
    Pure: the same facts give the same decision, in whatever order the specs come.
    """
    wish = Wish.of(request, policy, headroom)
    limited = wish.money is not None
    floor = policy.floor(request.quality)
    if all(funds.model_pk is None for funds in headroom):
        entrants = [_enter(request, spec, wish, policy, floor, headroom) for spec in specs]
    else:
        entrants = [_enter_with_own(request, spec, policy, floor, headroom) for spec in specs]
    route, ranked = _pick(request, entrants)
    saving = None
    if paces and route is Route.BEST:
        ranked, saving = by_pace(request, ranked, policy, paces)
    refusal = None if ranked else _refuse(request, floor, entrants, headroom)
    return Decision(
        policy_version=policy.version,
        task=request.task,
        quality=request.quality,
        floor=floor,
        budget_nanos=request.budget_nanos,
        max_tokens=request.max_tokens,
        model=request.model,
        allow_lower_quality=request.allow_lower_quality,
        funds=tuple(headroom),
        route=route,
        reason=refusal.message
        if refusal
        else why_chosen(request, route, ranked, floor, limited, saving),
        quality_met=bool(ranked) and ranked[0].score.quality >= floor,
        candidates=_placed(request, route, ranked, entrants),
        refusal=refusal,
        saving=saving,
    )


def _enter(
    request: RoutingRequest,
    spec: ModelSpec,
    wish: Wish,
    policy: Policy,
    floor: int,
    headroom: Sequence[Funds],
) -> _Entrant:
    numbers = estimate(request, spec, wish)
    candidate = Candidate(
        id=spec.id,
        name=spec.name,
        provider=spec.provider,
        model_pk=spec.pk,
        price_pk=spec.price_pk,
        score=score(spec, request.task, policy),
        estimate=numbers,
        drop=cannot_serve(request, spec, numbers),
    )
    return _Entrant(
        candidate,
        too_low=below_floor(request, floor, spec.quality),
        too_dear=too_dear(request, numbers, wish.money, headroom) if numbers else None,
    )


def _enter_with_own(
    request: RoutingRequest,
    spec: ModelSpec,
    policy: Policy,
    floor: int,
    headroom: Sequence[Funds],
) -> _Entrant:
    """The same where some funds are for one model only: each is judged by those that it needs."""
    funds = funds_for(headroom, spec.pk)
    return _enter(request, spec, Wish.of(request, policy, funds), policy, floor, funds)


def _affordable(entrant: _Entrant) -> bool:
    return entrant.too_dear is None


def _squeezable(entrant: _Entrant) -> bool:
    """Only the windows are in the way, and what they have buys a useful answer."""
    return entrant.too_dear is not None and entrant.too_dear.code is DropCode.OVER_FUNDS


def _pools(
    request: RoutingRequest, entrants: Sequence[_Entrant]
) -> tuple[list[_Entrant], list[_Entrant]]:
    """Those that may be chosen for their quality, and those that may be chosen at all.

    A model that the caller named is good enough, whatever its score.
    """
    serving = [entrant for entrant in entrants if entrant.candidate.drop is None]
    at_floor = [entrant for entrant in serving if request.model or not entrant.too_low]
    return at_floor, serving if request.allow_lower_quality else at_floor


def _pick(request: RoutingRequest, entrants: Sequence[_Entrant]) -> _Picked:
    """The first rule under which anyone is left."""
    at_floor, anyone = _pools(request, entrants)
    rules: tuple[tuple[Route, list[_Entrant], _Fits, _Order], ...] = (
        (Route.BEST, at_floor, _affordable, by_score),
        (Route.CHEAPEST, anyone, _affordable, by_price),
        (Route.SQUEEZED, at_floor, _squeezable, by_score),
        (Route.SQUEEZED, anyone, _squeezable, by_price),
    )
    for route, pool, fits, order in rules:
        found = sorted((entrant.candidate for entrant in pool if fits(entrant)), key=order)
        if found:
            return Route.OVERRIDE if request.model else route, found
    return Route.REFUSED, []


def _placed(
    request: RoutingRequest, route: Route, ranked: list[Candidate], entrants: Sequence[_Entrant]
) -> tuple[Candidate, ...]:
    """Everyone with a rank or a drop reason: the ranked first, then the rest by score."""
    in_order = [replace(item, rank=place) for place, item in enumerate(ranked, start=1)]
    if len(ranked) == len(entrants):
        return tuple(in_order)
    running = {by_name(candidate) for candidate in ranked}
    quality_first = route is Route.BEST or not request.allow_lower_quality
    rest = [
        replace(entrant.candidate, drop=_obstacle(entrant, quality_first=quality_first))
        for entrant in entrants
        if by_name(entrant.candidate) not in running
    ]
    rest.sort(key=lambda candidate: (-candidate.score.total, by_name(candidate)))
    return (*in_order, *rest)


def _obstacle(entrant: _Entrant, *, quality_first: bool) -> Drop | None:
    """What to tell about one that is not in the running.

    Where the floor was given up, quality is not what stood in the way.
    """
    first, second = entrant.too_low, entrant.too_dear
    if not quality_first:
        first, second = second, first
    return entrant.candidate.drop or first or second


def _refuse(
    request: RoutingRequest,
    floor: int,
    entrants: Sequence[_Entrant],
    headroom: Sequence[Funds],
) -> RoutingRefusal:
    entrants = sorted(entrants, key=lambda entrant: by_name(entrant.candidate))
    _, anyone = _pools(request, entrants)
    return refuse(
        request,
        everyone=[entrant.candidate for entrant in entrants],
        payable=[entrant.candidate for entrant in anyone],
        headroom=headroom,
        floor=floor,
    )

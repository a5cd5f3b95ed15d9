"""What holds for every catalogue, request and purse."""

import json
from dataclasses import replace
from decimal import Decimal as Number

from hypothesis import given
from hypothesis import strategies as st

from router_app.money import Rates, token_cost_nanos
from router_app.routing.abilities import effort_for
from router_app.routing.candidates import DropCode
from router_app.routing.choose import decide
from router_app.routing.decision import Decision
from router_app.routing.needs import Need
from router_app.routing.refusal import RefusalKind
from router_app.routing.request import Funds, RoutingRequest
from router_app.routing.specs import ModelSpec, ModelStatus
from router_app.routing.tasks import Quality, Task

from .catalogue import POLICY

STEPS = [nanos for zeros in range(4, 8) for nanos in (10**zeros, 2 * 10**zeros, 5 * 10**zeros)]
SCALED = st.builds(lambda step, odd: step + odd, st.sampled_from(STEPS), st.integers(0, 9_999))
MONEY = st.one_of(SCALED, SCALED, SCALED, st.integers(-5, 50_000))
RATE = st.decimals("0", "2", places=4)
NEEDS = st.sampled_from(
    [frozenset[Need]()] * 3 + [frozenset({Need.TOOLS}), frozenset({Need.VISION, Need.JSON_SCHEMA})]
)


@st.composite
def models(draw: st.DrawFn, number: int) -> ModelSpec:
    rate = draw(RATE)
    prices = Rates(rate, rate, draw(RATE))
    return ModelSpec(
        id=f"model-{number}",
        name=f"Model {number}",
        provider="demo",
        quality=draw(st.integers(40, 100)),
        strengths=frozenset(draw(st.sets(st.sampled_from(Task)))),
        rates=draw(st.sampled_from([prices] * 9 + [None])),
        context_tokens=draw(st.sampled_from([100, 2_000, 8_192, 131_072])),
        max_output_tokens=draw(st.integers(1, 65_536)),
        status=draw(st.sampled_from([ModelStatus.ACTIVE] * 9 + list(ModelStatus))),
        template_allowance_tokens=draw(st.integers(0, 300)),
        pk=number,
        supports=draw(st.sampled_from([frozenset(Need)] * 3 + [frozenset({Need.TOOLS})])),
        reasoning_efforts=draw(st.sampled_from([frozenset(), frozenset({"low"})])),
        image_tokens=draw(st.sampled_from([85, 16_384])),
    )


CATALOGUES = st.sampled_from([2, 3, 5]).flatmap(lambda n: st.tuples(*map(models, range(n))))
HEADROOM = st.lists(st.builds(Funds, st.sampled_from(["day", "month"]), MONEY), max_size=2)


@st.composite
def requests(draw: st.DrawFn) -> RoutingRequest:
    bound = draw(st.integers(0, 2_000))
    return RoutingRequest(
        task=draw(st.sampled_from(Task)),
        quality=draw(st.sampled_from(Quality)),
        budget_nanos=draw(st.none() | MONEY),
        input_tokens=draw(st.integers(bound // 5, bound)),
        input_bound_base=bound,
        model=draw(st.sampled_from([None] * 9 + ["model-0"])),
        max_tokens=draw(st.none() | st.integers(1, 1_000) | st.integers(1, 200_000)),
        allow_lower_quality=draw(st.sampled_from([True, True, False])),
        excluded=draw(st.sampled_from([{}, {}, {}, {"model-1": "it just failed"}])),
        needs=draw(NEEDS),
        reasoning_effort=draw(st.sampled_from([None, None, "low", "none"])),
        images=draw(st.sampled_from([0, 0, 0, 2])),
    )


@given(requests(), CATALOGUES, HEADROOM)
def test_the_chosen_ceiling_is_within_every_budget(
    request: RoutingRequest, specs: tuple[ModelSpec, ...], headroom: list[Funds]
) -> None:
    chosen = decide(request, specs, POLICY, headroom).chosen
    if chosen is None:
        return
    price = chosen.priced
    spec = next(item for item in specs if item.id == chosen.id)
    assert spec.rates is not None
    assert price.ceiling_nanos == token_cost_nanos(
        spec.rates,
        input_tokens=request.input_bound_base
        + spec.template_allowance_tokens
        + request.images * spec.image_tokens,
        output_tokens=price.cap_tokens,
    )
    assert all(price.ceiling_nanos <= funds.available_nanos for funds in headroom)
    if request.budget_nanos is not None:
        assert price.ceiling_nanos <= request.budget_nanos
        assert price.expected_cost_nanos <= request.budget_nanos
    assert price.estimated_cost_nanos <= price.ceiling_nanos
    assert 1 <= price.cap_tokens <= spec.max_output_tokens
    assert price.cap_tokens + price.expected_input_tokens <= spec.context_tokens
    assert request.max_tokens is None or price.cap_tokens <= request.max_tokens


@given(requests(), CATALOGUES, HEADROOM)
def test_whoever_is_in_the_running_can_do_all_that_is_needed(
    request: RoutingRequest, specs: tuple[ModelSpec, ...], headroom: list[Funds]
) -> None:
    by_id = {spec.id: spec for spec in specs}
    decision = decide(request, specs, POLICY, headroom)
    effort = request.reasoning_effort
    for candidate in decision.ranked:
        spec = by_id[candidate.id]
        assert request.needs <= spec.supports
        assert effort_for(spec, effort) == effort or not spec.reasoning_efforts
    for candidate in decision.dropped:
        if candidate.drop and candidate.drop.code is DropCode.LACKS_ABILITY:
            assert candidate.drop.reason


@given(requests(), models(0), st.data())
def test_between_the_shortest_useful_answer_and_the_whole_one_all_the_money_is_used(
    request: RoutingRequest, spec: ModelSpec, data: st.DataObject
) -> None:
    request = replace(request, budget_nanos=None, allow_lower_quality=True)
    whole = decide(request, [spec], POLICY, []).chosen
    if whole is None or spec.rates is None:
        return
    price = whole.priced
    purse = data.draw(st.integers(price.useful_ceiling_nanos, price.ceiling_nanos))
    chosen = decide(request, [spec], POLICY, [Funds("day", purse)]).chosen
    assert chosen is not None
    assert price.useful_tokens <= chosen.priced.cap_tokens <= price.cap_tokens
    assert chosen.priced.ceiling_nanos <= purse
    if chosen.priced.cap_tokens < price.cap_tokens:
        one_more = token_cost_nanos(
            spec.rates,
            input_tokens=price.bound_input_tokens,
            output_tokens=chosen.priced.cap_tokens + 1,
        )
        assert one_more > purse, "not a token less than the money buys"


@given(requests(), CATALOGUES, HEADROOM, st.integers(0, 1_000_000), st.booleans())
def test_less_money_never_holds_more_and_never_lets_a_refused_call_through(
    request: RoutingRequest,
    specs: tuple[ModelSpec, ...],
    headroom: list[Funds],
    less: int,
    from_window: bool,
) -> None:
    """To within one output token of the dearer model: a clamped cap is a whole number of them."""
    poorer, poorer_headroom = request, headroom
    if from_window or request.budget_nanos is None:
        poorer_headroom = [replace(f, available_nanos=f.available_nanos - less) for f in headroom]
    else:
        poorer = replace(request, budget_nanos=request.budget_nanos - less)
    rich = decide(request, specs, POLICY, headroom).chosen
    poor = decide(poorer, specs, POLICY, poorer_headroom).chosen
    if rich is None:
        assert poor is None
    elif poor is not None:
        spec = next(item for item in specs if item.id == rich.id)
        assert spec.rates is not None
        one_token = token_cost_nanos(spec.rates, input_tokens=0, output_tokens=1)
        assert poor.priced.ceiling_nanos <= rich.priced.ceiling_nanos + one_token


@given(requests(), CATALOGUES, HEADROOM, st.randoms(use_true_random=False))
def test_the_order_of_the_catalogue_never_matters(
    request: RoutingRequest, specs: tuple[ModelSpec, ...], headroom: list[Funds], random: object
) -> None:
    shuffled = list(specs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first = decide(request, specs, POLICY, headroom)
    assert decide(request, shuffled, POLICY, headroom) == first


@given(requests(), CATALOGUES, HEADROOM, st.integers(1, 100))
def test_a_better_score_keeps_the_chosen_chosen(
    request: RoutingRequest, specs: tuple[ModelSpec, ...], headroom: list[Funds], more: int
) -> None:
    chosen = decide(request, specs, POLICY, headroom).chosen
    if chosen is None:
        return
    better = [
        replace(item, quality=item.quality + more) if item.id == chosen.id else item
        for item in specs
    ]
    again = decide(request, better, POLICY, headroom).chosen
    assert again is not None
    assert again.id == chosen.id


@given(requests(), CATALOGUES, HEADROOM)
def test_everyone_is_on_the_receipt_ranked_or_dropped_and_it_can_be_stored(
    request: RoutingRequest, specs: tuple[ModelSpec, ...], headroom: list[Funds]
) -> None:
    decision = decide(request, specs, POLICY, headroom)
    assert sorted(item.id for item in decision.candidates) == sorted(item.id for item in specs)
    assert all((item.rank is None) == (item.drop is not None) for item in decision.candidates)
    assert [item.rank for item in decision.ranked] == list(range(1, len(decision.ranked) + 1))
    assert decision.candidates[: len(decision.ranked)] == decision.ranked
    assert (decision.chosen is None) == (decision.refusal is not None)
    assert json.loads(decision.as_json()) == decision.as_dict()
    assert Decision.from_dict(json.loads(json.dumps(decision.as_dict()))) == decision
    assert Decision.from_dict(json.loads(decision.as_json())) == decision


@given(requests(), CATALOGUES, HEADROOM)
def test_the_shorter_answer_that_a_refusal_names_does_fit(
    request: RoutingRequest, specs: tuple[ModelSpec, ...], headroom: list[Funds]
) -> None:
    refusal = decide(request, specs, POLICY, headroom).refusal
    if refusal and refusal.affordable_max_tokens:
        shorter = replace(request, max_tokens=refusal.affordable_max_tokens)
        assert decide(shorter, specs, POLICY, headroom).chosen is not None


@given(requests(), CATALOGUES, HEADROOM)
def test_raising_what_a_refusal_names_to_what_it_needs_ends_in_an_answer(
    request: RoutingRequest, specs: tuple[ModelSpec, ...], headroom: list[Funds]
) -> None:
    for _ in range(5):
        refusal = decide(request, specs, POLICY, headroom).refusal
        if refusal is None or refusal.kind is not RefusalKind.BUDGET:
            return
        assert refusal.needed_nanos is not None
        assert refusal.available_nanos is not None
        assert refusal.needed_nanos > refusal.available_nanos
        if refusal.budget == "request":
            request = replace(request, budget_nanos=refusal.needed_nanos)
        else:
            headroom = [raised(funds, refusal.budget, refusal.needed_nanos) for funds in headroom]
    raise AssertionError("still refused")


def raised(funds: Funds, name: str | None, needed_nanos: int) -> Funds:
    if funds.name != name:
        return funds
    return replace(funds, available_nanos=max(funds.available_nanos, needed_nanos))


@given(requests(), CATALOGUES, HEADROOM)
def test_quality_is_met_exactly_when_the_chosen_reaches_the_floor(
    request: RoutingRequest, specs: tuple[ModelSpec, ...], headroom: list[Funds]
) -> None:
    decision = decide(request, specs, POLICY, headroom)
    chosen = decision.chosen
    assert decision.quality_met == (
        chosen is not None and chosen.score.quality >= POLICY.floor(request.quality)
    )
    if chosen and not request.allow_lower_quality and not request.model:
        assert decision.quality_met


def test_rates_finer_than_a_nano_a_token_are_rounded_up_once() -> None:
    rates = Rates(Number("0.0755"), Number("0.0755"), Number("0.3005"))
    spec = ModelSpec("m", "M", "demo", 50, frozenset(), rates, 131_072, 65_536)
    request = RoutingRequest(Task.GENERAL, Quality.LOW, None, 10, 33)
    decision = decide(request, [spec], POLICY, [Funds("day", 100_000)])
    assert decision.chosen is not None
    price = decision.chosen.priced
    exact = 289 * Number("75.5") + price.cap_tokens * Number("300.5")
    assert price.ceiling_nanos - 1 < exact <= price.ceiling_nanos <= 100_000
    assert exact + Number("300.5") > 100_000

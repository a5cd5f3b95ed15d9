"""When nothing fits: which kind, which budget is tight, and what would fit."""

from router_app.routing.decision import Route
from router_app.routing.refusal import RefusalKind, RoutingRefusal
from router_app.routing.request import Funds
from router_app.routing.specs import ModelStatus
from router_app.routing.tasks import Quality

from .catalogue import AMPLE, GPT_20B, LLAMA_8B, Decision, route, seed_specs, with_change


def refusal_of(decision: Decision) -> RoutingRefusal:
    assert decision.chosen is None
    assert decision.route is Route.REFUSED
    assert not decision.quality_met
    assert not decision.ranked
    assert not decision.clamped
    assert decision.refusal is not None
    assert decision.reason == decision.refusal.message
    return decision.refusal


def test_a_budget_of_one_nano_is_refused_with_what_it_would_take() -> None:
    assert refusal_of(route(budget_nanos=1)) == RoutingRefusal(
        kind=RefusalKind.BUDGET,
        message=(
            "The request's budget does not pay for an answer: it has $0.000000001 left, and "
            "llama-3.1-8b-instant, the cheapest model that could answer, needs $0.0000124."
        ),
        budget="request",
        available_nanos=1,
        needed_nanos=12_400,
        cheapest_model=LLAMA_8B,
        affordable_max_tokens=0,
    )


def test_what_is_needed_is_enough_and_one_nano_less_is_not() -> None:
    assert route(budget_nanos=12_400).chosen is not None
    assert route(budget_nanos=12_399).chosen is None
    window = refusal_of(route(Funds("day", 1), budget_nanos=None)).needed_nanos
    assert window == 97 * 50 + 64 * 80
    assert route(Funds("day", window), budget_nanos=None).chosen is not None
    assert route(Funds("day", window - 1), budget_nanos=None).chosen is None


def test_the_tight_budget_is_the_one_with_the_least_money_among_those_that_fail() -> None:
    funds = (Funds("month", 9_000), Funds("day", 5_000), Funds("ample", AMPLE))
    refusal = refusal_of(route(*funds))
    assert (refusal.budget, refusal.available_nanos) == ("day", 5_000)
    assert refusal.needed_nanos == 9_970
    assert "Day does not pay" in refusal.message


def test_a_window_that_could_be_squeezed_is_not_blamed_for_the_request_budget() -> None:
    """The window has less than the request, but a window may be squeezed and a request not."""
    refusal = refusal_of(route(Funds("day", 10_000), budget_nanos=12_000))
    assert refusal.budget == "request"
    assert refusal.needed_nanos == 12_400


def test_a_shorter_answer_that_would_fit_is_named_and_fits() -> None:
    refusal = refusal_of(route(budget_nanos=9_000))
    assert refusal.affordable_max_tokens == (9_000 - 97 * 50) // 80
    assert refusal.message.endswith(" With max_tokens up to 51 it would fit.")
    assert route(budget_nanos=9_000, max_tokens=51).chosen is not None
    assert route(budget_nanos=9_000, max_tokens=52).chosen is None


def test_lower_quality_forbidden_and_the_floor_unaffordable_is_a_matter_of_money() -> None:
    decision = route(budget_nanos=30_000, quality=Quality.HIGH, allow_lower_quality=False)
    refusal = refusal_of(decision)
    assert refusal.kind is RefusalKind.BUDGET
    assert refusal.cheapest_model == "openai/gpt-oss-120b", "of those that meet the floor"
    assert "below the high floor" in decision.reasons[LLAMA_8B]


def test_lower_quality_forbidden_and_nothing_at_the_floor_is_no_candidate() -> None:
    small = [item for item in seed_specs() if item.quality < 75]
    for budget in (AMPLE, 1):
        decision = route(
            specs=small, budget_nanos=budget, quality=Quality.HIGH, allow_lower_quality=False
        )
        refusal = refusal_of(decision)
        assert refusal.kind is RefusalKind.NO_CANDIDATE, "no money would help"
        assert refusal.message == (
            "No available model meets high quality (75 or more), "
            "and a lower quality was not allowed."
        )
        assert set(decision.reasons) == {GPT_20B, LLAMA_8B}


def test_lower_quality_forbidden_still_squeezes_a_model_at_the_floor() -> None:
    decision = route(
        Funds("day", 60_000), budget_nanos=None, quality=Quality.HIGH, allow_lower_quality=False
    )
    assert decision.route is Route.SQUEEZED
    assert decision.quality_met


def test_all_models_off_is_no_candidate_with_a_reason_each() -> None:
    specs = seed_specs()
    for item in specs:
        specs = with_change(specs, item.id, status=ModelStatus.OFF)
    decision = route(specs=specs)
    assert refusal_of(decision).kind is RefusalKind.NO_CANDIDATE
    assert set(decision.reasons.values()) == {"switched off by an administrator"}
    assert len(decision.reasons) == 4


def test_an_empty_catalogue_is_no_candidate() -> None:
    decision = route(specs=[])
    assert refusal_of(decision).kind is RefusalKind.NO_CANDIDATE
    assert decision.candidates == ()


def test_an_unknown_model_is_said_to_be_unknown() -> None:
    refusal = refusal_of(route(model="gpt-9"))
    assert refusal.kind is RefusalKind.UNKNOWN_MODEL
    assert refusal.message == "There is no model with this id."


def test_a_named_model_that_cannot_serve_is_no_candidate_and_says_why() -> None:
    specs = with_change(seed_specs(), GPT_20B, status=ModelStatus.RETIRED, replaced_by="newer")
    refusal = refusal_of(route(specs=specs, model=GPT_20B))
    assert refusal.kind is RefusalKind.NO_CANDIDATE
    assert refusal.message == "gpt-oss-20b cannot answer this: retired, replaced by newer."


def test_a_named_model_obeys_the_budget() -> None:
    refusal = refusal_of(route(model=GPT_20B, budget_nanos=20_000))
    assert refusal.kind is RefusalKind.BUDGET
    assert refusal.cheapest_model == GPT_20B


def test_a_named_model_squeezes_a_window_too() -> None:
    decision = route(Funds("day", 40_000), model=GPT_20B)
    assert decision.route is Route.OVERRIDE
    assert decision.clamp is not None
    assert decision.clamp.budget == "day"


def test_a_debt_buys_nothing() -> None:
    assert refusal_of(route(Funds("day", -5))).available_nanos == -5

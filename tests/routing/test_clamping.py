"""Where the output cap comes from, and how far money may lower it."""

from router_app.routing.candidates import Clamp
from router_app.routing.decision import Route
from router_app.routing.request import Funds
from router_app.routing.tasks import Quality, Task

from .catalogue import (
    AMPLE,
    GPT_20B,
    GPT_120B,
    LLAMA_8B,
    LLAMA_70B,
    chosen_id,
    route,
    seed_specs,
    with_change,
)


def cap_of(**wishes: object) -> int:
    decision = route(**wishes)  # type: ignore[arg-type]
    assert decision.chosen is not None
    return decision.chosen.priced.cap_tokens


def test_without_max_tokens_the_task_says_how_long_an_answer_may_be() -> None:
    assert [cap_of(task=task) for task in Task] == [4096, 8192, 2048, 2048]


def test_a_long_prompt_raises_the_default_to_what_is_expected() -> None:
    assert cap_of(task=Task.CODE, input_tokens=10_000, input_bound_base=40_000) == 25_000


def test_the_callers_cap_holds_and_the_models_maximum_above_it() -> None:
    assert cap_of(max_tokens=7) == 7
    assert cap_of(max_tokens=1_000_000) == 32_768


def test_a_small_budget_lowers_the_default_cap_and_says_so() -> None:
    decision = route(budget_nanos=20_000)
    assert decision.chosen is not None
    assert decision.clamp == Clamp("request", 4096, 189)
    assert decision.chosen.priced.ceiling_nanos == 97 * 50 + 189 * 80
    assert decision.reason.endswith("its answer is limited to 189 tokens by the request's budget")


def test_the_tightest_of_all_budgets_is_named() -> None:
    funds = (Funds("month", 50_000_000), Funds("alice's daily budget", 200_000))
    decision = route(*funds, budget_nanos=AMPLE)
    assert decision.clamp is not None
    assert decision.clamp.budget == "alice's daily budget"
    assert decision.reason.endswith("limited to 180 tokens by alice's daily budget")


def test_ample_money_clamps_nothing() -> None:
    assert not route(Funds("month", AMPLE), budget_nanos=AMPLE).clamped


def test_a_small_explicit_cap_is_never_cut() -> None:
    """97 input tokens at the most, 100 output: 4,850 + 8,000 nanos for the smallest model."""
    enough = route(Funds("day", 12_850), max_tokens=100, budget_nanos=None)
    assert chosen_id(enough) == LLAMA_8B
    assert not enough.clamped
    assert route(Funds("day", 12_849), max_tokens=100, budget_nanos=None).refusal is not None


def test_a_large_explicit_cap_is_clamped_down_to_512_and_no_further() -> None:
    enough = route(Funds("day", 97 * 50 + 512 * 80), max_tokens=4_000, budget_nanos=None)
    assert enough.clamp == Clamp("day", 4_000, 512)
    short = route(Funds("day", 97 * 50 + 512 * 80 - 1), max_tokens=4_000, budget_nanos=None)
    assert short.refusal is not None
    assert short.refusal.affordable_max_tokens == 511


def test_a_model_that_never_writes_512_tokens_is_not_held_to_them() -> None:
    specs = with_change(seed_specs(), LLAMA_70B, max_output_tokens=200)
    decision = route(specs=specs, max_tokens=4_000)
    assert chosen_id(decision) == LLAMA_70B
    assert decision.chosen is not None
    assert decision.chosen.priced.cap_tokens == 200


def test_below_the_useful_minimum_the_next_cheaper_is_tried() -> None:
    """100,000 nanos: the 70B could write 54 tokens, fewer than useful; the 120B 142."""
    decision = route(Funds("day", 100_000), budget_nanos=None, max_tokens=130)
    assert chosen_id(decision) == GPT_120B
    assert LLAMA_70B in decision.reasons


def test_the_template_allowance_is_paid_for() -> None:
    specs = with_change(seed_specs(), LLAMA_8B, template_allowance_tokens=256)
    decision = route(specs=specs, model=LLAMA_8B, budget_nanos=30_000)
    assert decision.chosen is not None
    assert decision.chosen.priced.bound_input_tokens == 17 + 16 + 256
    assert decision.chosen.priced.cap_tokens == (30_000 - 289 * 50) // 80


def test_a_window_that_cannot_pay_the_expected_cost_is_squeezed_before_refusing() -> None:
    """Expected 12,400 nanos; there are 10,500: still 70 tokens of answer."""
    decision = route(Funds("bob's daily budget", 10_500))
    assert chosen_id(decision) == LLAMA_8B
    assert decision.route is Route.SQUEEZED
    assert decision.quality_met, "the floor for low quality is 0"
    assert decision.clamp == Clamp("bob's daily budget", 4096, 70)
    assert decision.reason == (
        "llama-3.1-8b-instant is what the money left can still pay for; "
        "its answer is limited to 70 tokens by bob's daily budget"
    )
    assert decision.chosen is not None
    price = decision.chosen.priced
    assert price.estimated_cost_nanos <= price.ceiling_nanos < price.expected_cost_nanos


def test_squeezing_prefers_a_model_at_the_floor() -> None:
    """A long answer is expected: nothing affords it, but two can still write something useful."""
    prompt = {"input_tokens": 400, "input_bound_base": 400, "task": Task.CODE}
    decision = route(Funds("day", 80_000), budget_nanos=None, quality=Quality.MEDIUM, **prompt)
    assert decision.route is Route.SQUEEZED
    assert chosen_id(decision) == GPT_20B
    assert decision.quality_met
    lower = route(Funds("day", 80_000), budget_nanos=None, quality=Quality.HIGH, **prompt)
    assert chosen_id(lower) == LLAMA_8B
    assert not lower.quality_met


def test_the_requests_own_budget_is_never_squeezed_below_the_estimate() -> None:
    """10,500 nanos squeeze a window (above), but the request's own budget refuses."""
    decision = route(budget_nanos=10_500)
    assert decision.refusal is not None
    assert decision.refusal.needed_nanos == 12_400


def test_cached_input_that_is_dearer_than_plain_is_what_the_ceiling_counts() -> None:
    from decimal import Decimal

    from router_app.money import Rates

    odd = Rates(input=Decimal(1), cached_input=Decimal(2), output=Decimal(1))
    decision = route(specs=with_change(seed_specs(), LLAMA_70B, rates=odd), max_tokens=10)
    assert decision.chosen is not None
    assert decision.chosen.priced.ceiling_nanos == 97 * 2_000 + 10 * 1_000

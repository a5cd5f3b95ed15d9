"""The rules by example: the published ones first, then ties, the fallback and the override."""

import pytest

from router_app.routing.candidates import DropCode, Score
from router_app.routing.decision import Route
from router_app.routing.policy import Policy
from router_app.routing.request import Funds
from router_app.routing.tasks import Quality, Task

from .catalogue import (
    AMPLE,
    GPT_20B,
    GPT_120B,
    LLAMA_8B,
    LLAMA_70B,
    chosen_id,
    rates,
    route,
    seed_specs,
    spec,
    with_change,
)


@pytest.mark.parametrize(
    ("task", "quality", "scores"),
    [
        (Task.CODE, Quality.HIGH, {LLAMA_70B: 103, GPT_120B: 100}),
        (Task.EMAIL, Quality.HIGH, {GPT_120B: 100, LLAMA_70B: 88}),
        (Task.SUMMARIZE, Quality.MEDIUM, {LLAMA_70B: 103, GPT_120B: 85, GPT_20B: 68}),
        (Task.GENERAL, Quality.MEDIUM, {LLAMA_70B: 103, GPT_120B: 100, GPT_20B: 83}),
        (Task.CODE, Quality.LOW, {LLAMA_70B: 103, GPT_120B: 100, GPT_20B: 68, LLAMA_8B: 55}),
        (Task.EMAIL, Quality.LOW, {GPT_120B: 100, LLAMA_70B: 88, GPT_20B: 83, LLAMA_8B: 55}),
    ],
)
def test_with_an_ample_budget_the_best_score_wins(
    task: Task, quality: Quality, scores: dict[str, int]
) -> None:
    decision = route(task=task, quality=quality)
    assert {item.id: item.score.total for item in decision.ranked} == scores
    assert [item.id for item in decision.ranked] == list(scores), "best first, then who is next"
    assert [item.rank for item in decision.ranked] == list(range(1, len(scores) + 1))
    assert decision.route is Route.BEST
    assert decision.quality_met
    assert len(decision.candidates) == 4, "everyone is on the receipt"


def test_the_reason_names_the_task_the_score_and_its_parts() -> None:
    assert route(task=Task.CODE, quality=Quality.HIGH, budget_nanos=AMPLE).reason == (
        "Best quality match for code tasks within budget: "
        "llama-3.3-70b-versatile scores 103 (88 + 15 for code)"
    )
    assert route(budget_nanos=None).reason.startswith("Best quality match for general tasks: ")


@pytest.mark.parametrize("task", list(Task))
def test_a_budget_that_only_the_smallest_fits_takes_the_smallest(task: Task) -> None:
    assert chosen_id(route(task=task, budget_nanos=30_000)) == LLAMA_8B


def test_twenty_microdollars_pay_for_the_smallest() -> None:
    decision = route(budget_nanos=20_000)
    assert chosen_id(decision) == LLAMA_8B
    assert decision.quality_met
    assert {item.drop.code for item in decision.dropped if item.drop} == {
        DropCode.OVER_REQUEST_BUDGET
    }


def test_equal_scores_go_to_the_cheaper_by_expected_cost() -> None:
    specs = [spec("dear", 80, rates("1", "1")), spec("cheap", 80, rates("1", "0.9"))]
    decision = route(specs=specs)
    assert chosen_id(decision) == "cheap"
    assert decision.reason.endswith("scores 80, the cheaper of equals")


def test_the_bonus_ties_with_quality() -> None:
    specs = [
        spec("bonus", 70, rates("1", "1"), Task.GENERAL),
        spec("plain", 85, rates("0.5", "0.5")),
    ]
    decision = route(specs=specs)
    assert [item.score for item in decision.ranked] == [Score(85, 0), Score(70, 15)]


def test_equal_scores_and_prices_go_by_id() -> None:
    specs = [spec("b", 80, rates("1", "1")), spec("a", 80, rates("1", "1"))]
    assert [item.id for item in route(specs=specs).ranked] == ["a", "b"]


def test_nothing_at_the_floor_is_affordable_so_the_cheapest_is_taken_and_said() -> None:
    decision = route(quality=Quality.HIGH, budget_nanos=60_000)
    assert chosen_id(decision) == LLAMA_8B, "the cheapest, not the best of what is affordable"
    assert decision.route is Route.CHEAPEST
    assert not decision.quality_met
    assert "quality 55 is below the high floor of 75" in decision.reason
    assert [item.id for item in decision.ranked] == [LLAMA_8B, GPT_20B]


def test_nothing_at_the_floor_exists_so_the_cheapest_is_taken() -> None:
    small = [item for item in seed_specs() if item.quality < 75]
    decision = route(specs=small, quality=Quality.HIGH)
    assert chosen_id(decision) == LLAMA_8B
    assert not decision.quality_met


def test_a_policy_with_other_numbers_is_another_policy() -> None:
    strict = Policy("2", floors={Quality.LOW: 0, Quality.MEDIUM: 70, Quality.HIGH: 86})
    assert [item.id for item in route(policy=strict, quality=Quality.HIGH).ranked] == [LLAMA_70B]
    partial = Policy("3", strength_bonus=40)
    decision = route(policy=partial, task=Task.EMAIL)
    assert [item.id for item in decision.ranked] == [GPT_120B, GPT_20B, LLAMA_70B, LLAMA_8B]
    assert decision.policy_version == "3"


def test_the_model_asked_for_is_taken_whatever_its_quality() -> None:
    decision = route(model=LLAMA_8B, quality=Quality.HIGH, allow_lower_quality=False)
    assert chosen_id(decision) == LLAMA_8B
    assert decision.route is Route.OVERRIDE
    assert not decision.quality_met
    assert decision.reason == (
        "llama-3.1-8b-instant was asked for by name; its quality 55 is below the high floor of 75"
    )
    assert {item.drop.code for item in decision.dropped if item.drop} == {DropCode.NOT_ASKED}


def test_the_model_asked_for_meets_the_quality_if_it_does() -> None:
    assert route(model=GPT_20B, quality=Quality.MEDIUM).quality_met


def test_a_retry_of_the_same_model_considers_only_it() -> None:
    decision = route(only=GPT_20B, quality=Quality.MEDIUM)
    assert [item.id for item in decision.ranked] == [GPT_20B]
    assert decision.route is Route.BEST
    assert decision.reason == "gpt-oss-20b is tried again"
    below = route(only=LLAMA_8B, quality=Quality.HIGH)
    assert chosen_id(below) == LLAMA_8B
    assert below.route is Route.CHEAPEST
    assert not below.quality_met


def test_a_failed_model_makes_way_for_the_next() -> None:
    first = route(task=Task.CODE, quality=Quality.HIGH)
    again = route(
        task=Task.CODE, quality=Quality.HIGH, excluded={LLAMA_70B: "it just failed: timed out"}
    )
    assert chosen_id(again) == first.ranked[1].id
    assert again.reasons[LLAMA_70B] == "it just failed: timed out"


def test_an_expensive_window_hides_what_the_request_budget_would_allow() -> None:
    decision = route(Funds("alice's monthly budget", 60_000), budget_nanos=AMPLE)
    assert chosen_id(decision) == GPT_20B
    assert decision.reasons[GPT_120B] == (
        "expected cost $0.0000912 is above the $0.00006 left in alice's monthly budget"
    )


def test_free_models_are_chosen_with_nothing_left() -> None:
    specs = with_change(seed_specs(), LLAMA_8B, rates=rates("0", "0"))
    decision = route(Funds("day", 0), specs=specs, budget_nanos=None)
    assert chosen_id(decision) == LLAMA_8B
    assert decision.chosen is not None
    assert decision.chosen.priced.ceiling_nanos == 0
    assert route(Funds("day", -1), specs=specs, budget_nanos=None).refusal is not None

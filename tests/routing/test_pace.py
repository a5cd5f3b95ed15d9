"""Money that goes faster than time: when the rule applies, to whom, and what the receipt says."""

import itertools

import pytest

from router_app.routing.choose import decide
from router_app.routing.decision import Decision, Route
from router_app.routing.pace import Pace
from router_app.routing.policy import Policy
from router_app.routing.request import Funds
from router_app.routing.tasks import Quality, Task

from .catalogue import (
    AMPLE,
    CENT,
    GPT_20B,
    GPT_120B,
    LLAMA_8B,
    LLAMA_70B,
    POLICY,
    chosen_id,
    rates,
    request,
    seed_specs,
    spec,
    with_change,
)

DAY = 86_400
BILLION = 1_000_000_000


def pace(gone: int, limit: int, passed: int, window: int, pk: int = 1, **more: object) -> Pace:
    return Pace("Monthly limit", pk, gone, limit, passed, window, **more)  # type: ignore[arg-type]


AHEAD = pace(621 * CENT, 1000 * CENT, 12 * DAY, 30 * DAY)
ON_PACE = pace(400 * CENT, 1000 * CENT, 12 * DAY, 30 * DAY)


def saves(
    *paces: Pace, policy: Policy = POLICY, specs: object = None, **wishes: object
) -> Decision:
    """The decision about a request of medium quality."""
    wishes = {"quality": Quality.MEDIUM, **wishes}
    found = seed_specs() if specs is None else specs
    return decide(request(**wishes), found, policy, [Funds("Monthly limit", AMPLE)], paces)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("gone", "limit", "passed", "window", "is_ahead"),
    [
        (0, 100, 0, 100, False),
        (1, 100, 0, 100, True),
        (40, 100, 40, 100, False),
        (41, 100, 40, 100, True),
        (39, 100, 40, 100, False),
        (333_333_333, BILLION, 10 * DAY, 30 * DAY, False),
        (333_333_334, BILLION, 10 * DAY, 30 * DAY, True),  # no share is rounded
        (100, 100, 100, 100, False),
        (120, 100, 99, 100, True),  # in debt
        (0, 0, 50, 100, False),
        (1, 0, 50, 100, True),
    ],
)
def test_ahead_is_a_greater_share_of_the_money_than_of_the_time(
    gone: int, limit: int, passed: int, window: int, is_ahead: bool
) -> None:
    found = pace(gone, limit, passed, window)
    assert found.is_ahead is is_ahead
    assert (found.lead > 0) is is_ahead or limit == 0


@pytest.mark.parametrize(
    ("wishes", "points", "chosen", "instead_of"),
    [
        # For general tasks they score 103, 100, 83 and 70, the last below the floor.
        ({}, 5, GPT_120B, LLAMA_70B),
        ({}, 3, GPT_120B, LLAMA_70B),
        ({}, 2, LLAMA_70B, None),
        ({}, 0, LLAMA_70B, None),
        ({}, 20, GPT_20B, LLAMA_70B),
        ({}, 100, GPT_20B, LLAMA_70B),
        # For e-mail 100, 88 and 83: the best is the only one of its kind.
        ({"task": Task.EMAIL}, 5, GPT_120B, None),
        ({"task": Task.EMAIL}, 20, GPT_20B, GPT_120B),
    ],
)
def test_the_cheapest_of_near_equals_is_chosen(
    wishes: dict, points: int, chosen: str, instead_of: str | None
) -> None:
    decision = saves(AHEAD, policy=Policy("test", near_equal_points=points), **wishes)
    assert (decision.route, chosen_id(decision)) == (Route.BEST, chosen)
    assert decision.saving is not None
    assert decision.saving.instead_of == instead_of
    assert decision.saving.near_equal_points == points
    assert decision.quality_met


@pytest.mark.parametrize(
    ("paces", "wishes", "chosen"),
    [
        ([], {}, LLAMA_70B),
        ([ON_PACE], {}, LLAMA_70B),
        ([AHEAD], {"quality": Quality.HIGH}, LLAMA_70B),
        ([AHEAD], {"quality": Quality.LOW}, LLAMA_70B),
        ([AHEAD], {"model": LLAMA_70B}, LLAMA_70B),  # named by the caller
        ([AHEAD], {"only": LLAMA_70B}, LLAMA_70B),  # a retry
        ([AHEAD], {"budget_nanos": 13_000}, LLAMA_8B),  # the cheapest anyway
        ([AHEAD], {"budget_nanos": 1}, None),
    ],
)
def test_where_the_rule_does_not_apply_nothing_changes(
    paces: list[Pace], wishes: dict, chosen: str | None
) -> None:
    decision = saves(*paces, **wishes)
    assert chosen_id(decision) == chosen
    assert decision == saves(**wishes)
    assert decision.saving is None
    assert "pace" not in decision.reason


def test_a_fallback_is_the_next_near_equal_and_then_the_best_of_the_rest() -> None:
    decision = saves(AHEAD)
    assert [each.id for each in decision.ranked] == [GPT_120B, LLAMA_70B, GPT_20B]
    after = saves(AHEAD, excluded={GPT_120B: "failed just now"})
    assert chosen_id(after) == LLAMA_70B


def test_of_near_equals_at_one_price_the_better_is_chosen() -> None:
    specs = with_change(seed_specs(), GPT_120B, rates=rates("0.59", "0.79"))
    decision = saves(AHEAD, specs=specs)
    assert chosen_id(decision) == LLAMA_70B
    assert "no near-equal is cheaper" in decision.reason


def test_a_near_equal_below_the_floor_is_no_choice() -> None:
    specs = [
        spec("good", 61, rates("1", "1"), pk=1),
        spec("nearly", 59, rates("0.01", "0.01"), pk=2),
    ]
    assert chosen_id(saves(AHEAD, specs=specs)) == "good"


def test_only_budgets_that_would_hold_the_best_count() -> None:
    assert saves(pace(90, 100, 10, 100, model_pk=1)).saving is not None  # the best's own
    assert saves(pace(90, 100, 10, 100, model_pk=3)).saving is None


def test_of_several_the_one_that_leads_most_is_named() -> None:
    little, most = pace(11, 100, 10, 100, pk=1), pace(50, 100, 10, 100, pk=2)
    same = pace(500, 1000, 100, 1000, pk=3)
    for order in itertools.permutations([little, most, same, ON_PACE]):
        saving = saves(*order).saving
        assert saving is not None
        assert saving.pace == most


def test_the_order_of_models_and_budgets_decides_nothing() -> None:
    decisions = [
        saves(*paces, specs=list(specs))
        for specs in itertools.permutations(seed_specs())
        for paces in ([AHEAD, ON_PACE], [ON_PACE, AHEAD])
    ]
    assert all(decision == decisions[0] for decision in decisions)


def test_the_receipt_says_it_with_the_numbers() -> None:
    assert saves(AHEAD).reason == (
        "Cheapest of near-equals for general tasks, to save ahead of pace: "
        "gpt-oss-120b scores 100, llama-3.3-70b-versatile 103; "
        "62.1 % of Monthly limit is gone and 40.0 % of its period"
    )
    assert saves(AHEAD, task=Task.EMAIL).reason.endswith(
        "; 62.1 % of Monthly limit is gone and 40.0 % of its period, and no near-equal is cheaper"
    )


def test_the_receipt_survives_being_stored() -> None:
    decision = saves(AHEAD)
    assert Decision.from_dict(decision.as_dict()) == decision
    older = saves().as_dict()
    del older["saving"]
    assert Decision.from_dict(older) == saves()

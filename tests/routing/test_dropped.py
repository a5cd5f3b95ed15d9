"""Every reason to be dropped, with the words that a person reads."""

from datetime import date
from typing import Any

import pytest

from router_app.routing.candidates import DropCode
from router_app.routing.request import Funds
from router_app.routing.specs import ModelStatus
from router_app.routing.tasks import Quality

from .catalogue import GPT_20B, LLAMA_70B, Decision, route, seed_specs, with_change

RETIRED = ModelStatus.RETIRED


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"status": RETIRED}, DropCode.RETIRED, "retired"),
        (
            {"status": RETIRED, "retires_on": date(2026, 8, 16), "replaced_by": GPT_20B},
            DropCode.RETIRED,
            "retired on 2026-08-16, replaced by openai/gpt-oss-20b",
        ),
        ({"status": ModelStatus.OFF}, DropCode.OFF, "switched off by an administrator"),
        (
            {"unavailable_reason": "the provider no longer has it"},
            DropCode.UNAVAILABLE,
            "the provider no longer has it",
        ),
        ({"rates": None}, DropCode.NO_PRICE, "no price is in force"),
        (
            {"context_tokens": 71},
            DropCode.CONTEXT_TOO_SMALL,
            "the prompt of about 8 tokens leaves no room for an answer in its context of 71",
        ),
    ],
)
def test_a_model_that_cannot_serve(changes: dict[str, Any], code: DropCode, words: str) -> None:
    decision = route(specs=with_change(seed_specs(), LLAMA_70B, **changes))
    assert drop_of(decision, LLAMA_70B) == (code, words)
    assert decision.chosen is not None
    assert decision.chosen.id != LLAMA_70B


def test_a_preview_serves() -> None:
    decision = route(specs=with_change(seed_specs(), LLAMA_70B, status=ModelStatus.PREVIEW))
    assert decision.chosen is not None
    assert decision.chosen.id == LLAMA_70B


def test_context_with_just_room_for_a_useful_answer_serves_with_a_smaller_cap() -> None:
    decision = route(specs=with_change(seed_specs(), LLAMA_70B, context_tokens=72))
    assert decision.chosen is not None
    assert decision.chosen.id == LLAMA_70B
    assert decision.chosen.priced.cap_tokens == 64
    assert not decision.clamped, "no budget lowered it"


def test_the_expected_prompt_counts_for_the_context_and_not_its_bound() -> None:
    prompt = {"input_tokens": 1_000, "input_bound_base": 4_000}
    decision = route(specs=with_change(seed_specs(), LLAMA_70B, context_tokens=2_000), **prompt)
    assert decision.chosen is not None
    assert decision.chosen.id == LLAMA_70B


def test_a_model_without_a_price_has_no_estimate_on_the_receipt() -> None:
    decision = route(specs=with_change(seed_specs(), GPT_20B, rates=None))
    candidate = next(item for item in decision.candidates if item.id == GPT_20B)
    assert candidate.estimate is None
    with pytest.raises(ValueError, match="no price"):
        _ = candidate.priced


def test_below_the_floor() -> None:
    decision = route(quality=Quality.HIGH)
    assert drop_of(decision, GPT_20B) == (
        DropCode.BELOW_FLOOR,
        "quality 68 is below the high floor of 75",
    )


def test_over_the_requests_own_budget() -> None:
    decision = route(budget_nanos=100_000)
    assert drop_of(decision, LLAMA_70B) == (
        DropCode.OVER_REQUEST_BUDGET,
        "expected cost $0.000123 is above the request's budget of $0.0001",
    )


def test_the_money_buys_no_useful_answer() -> None:
    decision = route(Funds("bob's daily budget", 20_000), budget_nanos=None)
    assert drop_of(decision, LLAMA_70B) == (
        DropCode.CAP_TOO_SMALL,
        "bob's daily budget has $0.00002 left; even 64 tokens of answer can cost $0.000108",
    )


def test_not_the_one_asked_for() -> None:
    decision = route(model=GPT_20B)
    assert drop_of(decision, LLAMA_70B) == (DropCode.NOT_ASKED, "another model was asked for")


def drop_of(decision: Decision, model_id: str) -> tuple[DropCode, str] | None:
    return next(
        (item.drop.code, item.drop.reason)
        for item in decision.candidates
        if item.id == model_id and item.drop
    )

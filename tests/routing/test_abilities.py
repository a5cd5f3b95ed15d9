"""What a request needs that not every model can do: tools, images, JSON, a reasoning effort."""

import pytest

from router_app.routing.abilities import effort_for
from router_app.routing.candidates import DropCode, Estimate
from router_app.routing.needs import Need
from router_app.routing.refusal import RefusalKind
from router_app.routing.request import Funds
from router_app.routing.specs import ModelSpec, ModelStatus
from router_app.routing.tasks import Quality

from .catalogue import (
    GPT_20B,
    GPT_120B,
    LLAMA_8B,
    LLAMA_70B,
    Decision,
    chosen_id,
    route,
    seed_specs,
    with_change,
)

EVERYTHING = frozenset(Need)


def able(**supports: frozenset[Need]) -> list[ModelSpec]:
    """The catalogue with abilities by the last word of a model's id; the others have none."""
    specs = seed_specs()
    for item in specs:
        told = supports.get(item.id.rpartition("-")[2], frozenset())
        specs = with_change(specs, item.id, supports=told)
    return specs


def drop_of(decision: Decision, model_id: str) -> tuple[DropCode, str] | None:
    drop = next(item.drop for item in decision.candidates if item.id == model_id)
    return (drop.code, drop.reason) if drop else None


@pytest.mark.parametrize(
    ("need", "words"),
    [
        (Need.TOOLS, "takes no tools"),
        (Need.VISION, "takes no images"),
        (Need.JSON_MODE, "has no JSON mode"),
        (Need.JSON_SCHEMA, "does not keep to a JSON schema"),
    ],
)
def test_who_lacks_it_is_dropped_and_the_next_best_that_has_it_answers(
    need: Need, words: str
) -> None:
    specs = able(**{"20b": frozenset({need}), "instant": EVERYTHING - {need}})
    decision = route(specs=specs, needs=frozenset({need}))
    assert chosen_id(decision) == GPT_20B
    for lacking in (LLAMA_70B, GPT_120B, LLAMA_8B):
        assert drop_of(decision, lacking) == (DropCode.LACKS_ABILITY, words)


def test_all_that_is_missing_is_named() -> None:
    decision = route(specs=able(**{"20b": EVERYTHING}), needs=EVERYTHING, reasoning_effort="none")
    assert drop_of(decision, LLAMA_70B) == (
        DropCode.LACKS_ABILITY,
        "takes no tools, takes no images, has no JSON mode and does not keep to a JSON schema",
    )


def test_a_request_of_text_needs_nothing() -> None:
    assert chosen_id(route(specs=able())) == chosen_id(route(specs=able(versatile=EVERYTHING)))


@pytest.mark.parametrize("quality", Quality)
def test_neither_money_nor_lower_quality_makes_up_for_it(quality: Quality) -> None:
    decision = route(specs=able(), needs=frozenset({Need.TOOLS, Need.VISION}), quality=quality)
    assert decision.refusal is not None
    assert decision.refusal.kind is RefusalKind.NO_CANDIDATE
    assert decision.refusal.message == (
        "No available model can do what this request needs: tools and images."
    )
    assert set(decision.reasons.values()) == {"takes no tools and takes no images"}


def test_models_that_are_away_anyway_do_not_change_what_is_said() -> None:
    specs = with_change(able(instant=EVERYTHING), LLAMA_8B, status=ModelStatus.RETIRED)
    refusal = route(specs=specs, needs=frozenset({Need.VISION})).refusal
    assert refusal is not None
    assert refusal.message == "No available model can do what this request needs: images."


def test_a_model_with_the_ability_that_just_failed_is_not_denied() -> None:
    """Asking again later helps, so it is not said that no model can."""
    decision = route(
        specs=able(instant=EVERYTHING),
        needs=frozenset({Need.TOOLS}),
        excluded={LLAMA_8B: "it just failed", LLAMA_70B: "it just failed"},
    )
    assert decision.refusal is not None
    assert decision.refusal.message == "No model can answer this request at the moment."
    assert drop_of(decision, LLAMA_8B) == (DropCode.EXCLUDED, "it just failed")
    assert drop_of(decision, LLAMA_70B) == (DropCode.LACKS_ABILITY, "takes no tools")


def test_a_named_model_that_lacks_it_is_refused_by_name() -> None:
    decision = route(
        specs=able(instant=EVERYTHING), model=GPT_20B, needs=frozenset({Need.JSON_SCHEMA})
    )
    assert decision.refusal is not None
    assert decision.refusal.kind is RefusalKind.NO_CANDIDATE
    assert decision.refusal.message == (
        "gpt-oss-20b cannot answer this: does not keep to a JSON schema."
    )


def test_a_lower_quality_is_said_to_be_the_best_of_those_that_are_able() -> None:
    decision = route(
        specs=able(instant=EVERYTHING), needs=frozenset({Need.TOOLS}), quality=Quality.HIGH
    )
    assert chosen_id(decision) == LLAMA_8B
    assert not decision.quality_met
    assert "which no model that is able, available and affordable meets" in decision.reason


EFFORTS = frozenset({"low", "medium", "high"})


def test_an_effort_that_a_model_knows_keeps_it_in_and_another_drops_it() -> None:
    specs = with_change(seed_specs(), GPT_20B, reasoning_efforts=EFFORTS)
    assert drop_of(route(specs=specs, reasoning_effort="low"), GPT_20B) is None
    assert drop_of(route(specs=specs, reasoning_effort="none"), GPT_20B) == (
        DropCode.LACKS_ABILITY,
        "does not know reasoning effort 'none'",
    )
    assert drop_of(route(specs=specs), GPT_20B) is None


def test_to_a_model_that_does_not_reason_the_effort_is_moot() -> None:
    decision = route(specs=with_change(seed_specs(), GPT_20B, reasoning_efforts=EFFORTS),
                     reasoning_effort="none")  # fmt: skip
    assert chosen_id(decision) == LLAMA_70B
    everyone_reasons = seed_specs()
    for item in everyone_reasons:
        everyone_reasons = with_change(everyone_reasons, item.id, reasoning_efforts=EFFORTS)
    refusal = route(specs=everyone_reasons, reasoning_effort="none").refusal
    assert refusal is not None
    assert refusal.message == (
        "No available model can do what this request needs: reasoning effort 'none'."
    )


def test_the_effort_that_is_sent() -> None:
    silent = seed_specs()[0]
    thinking = with_change([silent], silent.id, reasoning_efforts=EFFORTS)[0]
    assert effort_for(thinking, "low") == "low"
    assert effort_for(thinking, None) is None
    assert effort_for(silent, "low") is None


def estimate_of(decision: Decision, model_id: str) -> Estimate:
    return next(item for item in decision.candidates if item.id == model_id).priced


def test_images_are_held_at_the_most_a_model_reads_in_them_and_priced_at_what_is_likely() -> None:
    specs = with_change(seed_specs(), LLAMA_70B, image_tokens=5_000)
    plain = estimate_of(route(specs=specs), LLAMA_70B)
    seen = estimate_of(route(specs=specs, images=3), LLAMA_70B)
    assert seen.bound_input_tokens == plain.bound_input_tokens + 15_000
    assert seen.expected_input_tokens == plain.expected_input_tokens + 3_000
    assert seen.expected_output_tokens == plain.expected_output_tokens
    assert seen.ceiling_nanos == plain.ceiling_nanos + 15_000 * 590


def test_an_image_is_never_likelier_to_be_larger_than_it_can_be() -> None:
    specs = with_change(seed_specs(), LLAMA_70B, image_tokens=85)
    seen = estimate_of(route(specs=specs, images=10), LLAMA_70B)
    assert seen.expected_input_tokens <= seen.bound_input_tokens
    assert seen.expected_input_tokens == 8 + 850


def test_images_that_the_money_cannot_cover_are_refused() -> None:
    decision = route(Funds("day", 500_000), budget_nanos=None, images=1)
    assert decision.refusal is not None
    assert decision.refusal.needed_nanos == (97 + 16_384) * 50 + 64 * 80


def test_images_and_tools_take_their_place_in_the_context() -> None:
    small = with_change(seed_specs(), LLAMA_70B, context_tokens=2_100)
    assert chosen_id(route(specs=small, images=2)) == LLAMA_70B
    decision = route(specs=small, images=3)
    assert drop_of(decision, LLAMA_70B) == (
        DropCode.CONTEXT_TOO_SMALL,
        "the prompt of about 3,008 tokens leaves no room for an answer in its context of 2,100",
    )
    with_tools = route(specs=small, input_tokens=2_050, input_bound_base=9_000)
    assert drop_of(with_tools, LLAMA_70B) == (
        DropCode.CONTEXT_TOO_SMALL,
        "the prompt of about 2,050 tokens leaves no room for an answer in its context of 2,100",
    )


@pytest.mark.parametrize("effort", ["", "High", "very high", "x" * 21, "\ud800", "low\n"])
def test_an_effort_that_is_no_word_is_refused_before_it_gets_on_a_receipt(effort: str) -> None:
    with pytest.raises(ValueError, match="lower-case word"):
        route(reasoning_effort=effort)


def test_a_negative_number_of_images_is_refused_where_it_is_made() -> None:
    with pytest.raises(ValueError, match="counts"):
        route(images=-1)

"""The likely token count against true counts, in many scripts."""

import json
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_app.estimates import tokens
from router_app.estimates.scripts import marks
from router_app.estimates.tokens import estimate_input_tokens, estimate_tokens

from .samples import SAMPLES, Sample

CLOSE = 0.30  # of the true count; characters / 4 is up to 71 % off on these


def seeds_own(text: str) -> int:
    """The plain rule that ours has to beat: four characters a token."""
    return -(-len(text) // 4)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.language)
def test_close_to_the_true_count(sample: Sample) -> None:
    # Two tokens of grace: a share of a three-token prompt says nothing.
    assert abs(estimate_tokens(sample.text) - sample.tokens) <= CLOSE * sample.tokens + 2


def test_on_average_within_a_tenth_and_no_side_preferred() -> None:
    errors = [estimate_tokens(item.text) / item.tokens - 1 for item in SAMPLES[1:]]
    assert sum(map(abs, errors)) / len(errors) < 0.12
    assert abs(sum(errors) / len(errors)) < 0.05


@pytest.mark.parametrize("language", ["English", "business English", "Python", "German", "French"])
def test_no_worse_than_four_characters_a_token_where_that_is_good(language: str) -> None:
    sample = next(item for item in SAMPLES if item.language == language)
    ours = abs(estimate_tokens(sample.text) - sample.tokens)
    assert ours <= abs(seeds_own(sample.text) - sample.tokens) + 1


@pytest.mark.parametrize("language", ["Chinese", "Japanese", "Korean", "Thai", "Greek", "numbers"])
def test_far_better_where_four_characters_a_token_is_bad(language: str) -> None:
    sample = next(item for item in SAMPLES if item.language == language)
    ours = abs(estimate_tokens(sample.text) - sample.tokens)
    assert ours * 2 < abs(seeds_own(sample.text) - sample.tokens)


def test_nothing_is_no_token_and_something_is_at_least_one() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("x") == 1
    assert estimate_tokens(" ") >= 0


@given(st.text(st.characters(), max_size=200))
def test_any_text_has_an_estimate_within_reason(text: str) -> None:
    """Lone surrogates and unassigned code points included."""
    assert len(marks(text)) == len(text)
    assert 0 <= estimate_tokens(text) <= 3 * len(text) + 1


@given(st.text(max_size=100), st.text(max_size=100))
def test_more_text_is_not_fewer_tokens(text: str, more: str) -> None:
    """To within the three tokens that joining two words, numbers or gaps can save."""
    assert estimate_tokens(text + more) >= estimate_tokens(text) - 3


def test_a_conversation_costs_its_texts_and_a_little_a_message() -> None:
    one = [{"role": "user", "content": "Explain quicksort"}]
    assert estimate_input_tokens(one) == estimate_tokens("Explain quicksort") + 4
    assert estimate_input_tokens(one * 3) == 3 * estimate_input_tokens(one)
    assert estimate_input_tokens(one, tools_json='{"type": "function"}') > estimate_input_tokens(
        one
    )


SHAPES = st.text("aAeo0 \n.", max_size=60).map(str.encode)


@pytest.mark.parametrize(
    ("count", "meaning"),
    [
        (tokens._words, b"A?[aeo]+|A+"),
        (tokens._numbers, b"0{1,3}"),
        (tokens._gaps, b"\n[\n ]*| {2,}"),
        (lambda shape: tokens._runs(shape, b"."), rb"\.+"),
    ],
    ids=["words", "numbers", "gaps", "signs"],
)
@given(shape=SHAPES)
def test_what_is_counted_is_what_these_expressions_find(
    count: Callable[[bytes], int], meaning: bytes, shape: bytes
) -> None:
    assert count(shape) == len(re.findall(meaning, shape))


def test_what_a_model_called_and_was_answered_is_read_by_it_too() -> None:
    plain = [{"role": "assistant", "content": None}]
    arguments = json.dumps({"city": "Cairo", "days": list(range(100))})
    call = {"id": "call_1", "function": {"name": "weather", "arguments": arguments}}
    called = [{**plain[0], "tool_calls": [call]}]
    more = estimate_input_tokens(called) - estimate_input_tokens(plain)
    assert more > estimate_tokens(arguments)


@pytest.mark.parametrize(
    "text", ["the quick brown fox ", "快速排序是一种", "Быстрая сортировка ", "a1 "]
)
def test_a_hundred_thousand_characters_take_no_time_to_speak_of(text: str) -> None:
    """Milliseconds; the bound is loose for busy machines but fails anything quadratic."""
    long = (text * 100_000)[:100_000]
    started = time.process_time()
    assert estimate_tokens(long) > 10_000
    assert time.process_time() - started < 1

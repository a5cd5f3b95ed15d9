"""The bound on input tokens: no byte-level tokenizer makes more than there are bytes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_app.estimates import tokens
from router_app.estimates.tokens import estimate_tokens, input_bound_base

from .samples import SAMPLES


def said(content: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content, **more}]


def test_bytes_of_the_text_and_sixteen_a_message() -> None:
    assert input_bound_base(said("Explain quicksort")) == 17 + 16
    assert input_bound_base(said("快速") + said("é")) == 6 + 2 + 32
    assert input_bound_base([]) == 0


def test_tool_json_counts_twice() -> None:
    assert input_bound_base(said("hi"), tools_json='{"é": 1}') == 2 + 16 + 2 * 9


@given(st.text(st.characters(), max_size=300))
def test_no_tokenizer_can_exceed_it(text: str) -> None:
    """A tokenizer that makes a token of every byte is the worst there is."""
    messages = said(text)
    worst = len(text.encode("utf-8", "surrogatepass"))
    assert input_bound_base(messages) == worst + 16
    assert input_bound_base(messages) >= estimate_tokens(text) - 2


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.language)
def test_true_counts_are_within_it(sample: Any) -> None:
    assert input_bound_base(said(sample.text)) >= sample.tokens


def test_a_lone_surrogate_is_counted_and_does_not_crash() -> None:
    assert input_bound_base(said("\ud83d")) == 3 + 16


def test_text_in_parts_counts_like_text() -> None:
    parts = [{"type": "text", "text": "Explain"}, {"type": "text", "text": "quicksort"}]
    assert input_bound_base(said(parts)) >= input_bound_base(said("Explainquicksort"))


def test_names_and_tool_calls_are_counted_as_json() -> None:
    plain = input_bound_base(said("hi"))
    assert input_bound_base(said("hi", name="alice")) == plain + 2 * len('{"name": "alice"}')
    call = [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]
    assert input_bound_base(said(None, tool_calls=call)) > 2 * len(str(call))


def test_a_models_own_tokenizer_replaces_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tokens.COUNTERS, "words", lambda text: len(text.split()))
    assert input_bound_base(said("Explain quicksort"), family="words") == 2 + 16
    assert input_bound_base(said("Explain quicksort"), family="unheard of") == 17 + 16

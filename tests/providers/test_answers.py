"""Whatever a server sends, a reader ends in `Finished` or in a ProviderFailure, never otherwise."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_app.providers.answers import Answer, StreamedAnswer, WholeAnswer
from router_app.providers.base import Finished, ProviderFailure

NAMES = st.sampled_from(
    [
        "id",
        "model",
        "error",
        "choices",
        "delta",
        "message",
        "content",
        "reasoning",
        "finish_reason",
        "usage",
        "x_groq",
        "prompt_tokens",
        "completion_tokens",
        "prompt_tokens_details",
        "cached_tokens",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=30,
)


def end_of(answer: StreamedAnswer | WholeAnswer, body: bytes) -> Finished | ProviderFailure:
    """Feed it all; every delta must be fit to be stored and sent on."""
    for part in (body, b""):
        if not answer.ended:
            for delta in answer.feed(part):
                assert delta.text and "\x00" not in delta.text
                delta.text.encode()
    assert answer.ended
    try:
        return answer.result()
    except ProviderFailure as failure:
        return failure


@given(st.lists(JSON, max_size=4))
def test_any_json_as_a_stream(values: list[Any]) -> None:
    body = "".join(f"data: {json.dumps(value)}\n\n" for value in values)
    end_of(StreamedAnswer(), body.encode())


@given(JSON)
def test_any_json_as_a_body(value: Any) -> None:
    end_of(WholeAnswer(), json.dumps(value).encode())


@given(st.binary())
def test_any_bytes(body: bytes) -> None:
    end_of(StreamedAnswer(), body)
    end_of(StreamedAnswer(), b"data: " + body)
    end_of(WholeAnswer(), body)


@pytest.mark.parametrize("answer", [StreamedAnswer(), WholeAnswer()])
def test_nothing_at_all(answer: Answer) -> None:
    assert isinstance(answer, StreamedAnswer | WholeAnswer)
    assert isinstance(end_of(answer, b""), ProviderFailure)

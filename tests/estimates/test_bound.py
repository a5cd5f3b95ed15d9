"""The bound on input tokens: no byte-level tokenizer makes more than there are bytes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_app.estimates import tokens
from router_app.estimates.tokens import (
    estimate_input_tokens,
    estimate_tokens,
    image_count,
    input_bound_base,
)

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


def picture(url: str, **image: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **image}}


PHOTO = picture("data:image/png;base64," + "iVBORw0KGgo" * 100_000)


def test_a_picture_is_not_the_bytes_it_was_sent_in() -> None:
    """Its tokens are the model's to say: the routing adds `image_tokens` for each."""
    words = {"type": "text", "text": "What is this?"}
    for count in (input_bound_base, estimate_input_tokens):
        plain, seen = count(said([words])), count(said([words, PHOTO]))
        assert plain <= seen < plain + 200
        assert count(said([words, picture("https://example.org/cat.png")])) == seen


def test_pictures_are_counted_wherever_they_are() -> None:
    assert image_count(said("hi") + said(None) + said([])) == 0
    assert image_count(said([PHOTO, PHOTO]) + said([{"type": "text", "text": "and"}, PHOTO])) == 3


@pytest.mark.parametrize(
    "part",
    [
        {**PHOTO, "text": "x" * 10_000},
        {"type": "text", "text": "", "image_url": {"url": "x" * 10_000}},
        {"type": "image_url", "image_url": {"url": "", "detail": "x" * 10_000}},
        {"type": "image_url", "image_url": {"url": ""}, "more": "x" * 10_000},
        {"type": "video_url", "video_url": {"url": "x" * 10_000}},
    ],
)
def test_nothing_hides_beside_a_picture(part: dict[str, Any]) -> None:
    assert input_bound_base(said([part])) >= 10_000


def test_a_picture_of_another_shape_does_not_crash() -> None:
    for odd in ({"type": "image_url"}, {"type": "image_url", "image_url": "data:,"}):
        assert 0 < input_bound_base(said([odd])) < 200


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
CALLS = st.lists(
    st.fixed_dictionaries(
        {"id": TEXTS, "type": st.just("function"),
         "function": st.fixed_dictionaries({"name": TEXTS, "arguments": TEXTS})}
    ), max_size=3,
)  # fmt: skip
TURNS = st.one_of(
    st.fixed_dictionaries({"role": st.just("user"), "content": TEXTS}, optional={"name": TEXTS}),
    st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": st.none() | TEXTS, "tool_calls": CALLS}
    ),
    st.fixed_dictionaries({"role": st.just("tool"), "content": TEXTS, "tool_call_id": TEXTS}),
    st.fixed_dictionaries(
        {
            "role": st.just("user"),
            "content": st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS})),
        }
    ),
)


def rendered(message: dict[str, Any]) -> str:
    """A message as a chat template writes it, everything the caller said in it."""
    content = message["content"]
    text = content if isinstance(content, str) else "".join(p["text"] for p in content or ())
    more = [message.get("name", ""), message.get("tool_call_id", ""), text]
    calls = json.dumps(message["tool_calls"], ensure_ascii=False) if "tool_calls" in message else ""
    return "".join(more) + calls


@given(st.lists(TURNS, max_size=6), st.lists(st.dictionaries(TEXTS, TEXTS), max_size=3))
def test_a_conversation_with_tools_is_within_it(
    messages: list[dict[str, Any]], tools: list[dict[str, str]]
) -> None:
    """A token of every byte, and tools written twice as long as they were sent."""
    tools_json = json.dumps(tools, ensure_ascii=False)
    bound = input_bound_base(messages, tools_json=tools_json)
    said_bytes = sum(len(rendered(message).encode()) for message in messages)
    assert bound >= said_bytes + 16 * len(messages) + 2 * len(tools_json.encode())
    assert estimate_input_tokens(messages, tools_json=tools_json) >= 0

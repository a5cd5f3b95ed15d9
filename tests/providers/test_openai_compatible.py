"""Groq's protocol, as its SDK and documents describe it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from router_app.providers.base import (
    Billing,
    FailureKind,
    Finished,
    ReasoningDelta,
    TextDelta,
    Usage,
)
from tests.providers.calling import MODEL, Outcome, a_request, call
from tests.providers.exchange import Exchange, Received
from tests.providers.hostile import HostileUpstream

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 30,
    "total_tokens": 130,
    "queue_time": 0.01,
    "prompt_tokens_details": {"cached_tokens": 64},
    "completion_tokens_details": {"reasoning_tokens": 20},
}
TRUE_USAGE = Usage(100, 30, cached_tokens=64, reasoning_tokens=20)


@dataclass(frozen=True, slots=True)
class Response:
    """What the server is to say."""

    body: bytes
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def ask(answer: Response, **more: Any) -> tuple[Outcome, Received]:
    """Call a server that says this; what came of it, and what it was sent."""

    async def behave(exchange: Exchange) -> None:
        headers = {name.replace("-", "_"): value for name, value in answer.headers.items()}
        await exchange.body(answer.status, answer.body, answer.kind, **headers)

    with HostileUpstream() as upstream:
        upstream.say(behave)
        outcome = call(a_request(upstream.url(), **more))
        assert upstream.faults == []
    return outcome, upstream.received[-1]


def chunk(delta: Any = None, reason: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk as Groq sends it."""
    choices = [{"index": 0, "delta": delta or {}, "logprobs": None, "finish_reason": reason}]
    return {"id": "chatcmpl-7", "object": "chat.completion.chunk", "model": MODEL} | (
        {"choices": choices} | more
    )


def streamed(*events: Any, done: bool = True) -> Response:
    """A streamed answer."""
    lines = [e if isinstance(e, str) else f"data: {json.dumps(e)}" for e in events]
    lines += ["data: [DONE]"] if done else []
    body = "".join(f"{line}\n\n" for line in lines)
    return Response(body.encode(), kind="text/event-stream; charset=utf-8")


def whole(answer: Any, **more: Any) -> Response:
    """An answer in one piece."""
    return Response(json.dumps(answer).encode(), **more)


def test_a_streamed_answer() -> None:
    outcome, _ = ask(
        streamed(
            chunk({"role": "assistant", "content": ""}, x_groq={"id": "req_1"}),
            chunk({"reasoning": "They want a greeting."}),
            chunk({"content": "Hello"}),
            chunk({"content": "!"}),
            chunk({}, "stop", x_groq={"id": "req_1", "usage": USAGE}),
            chunk(choices=[], usage=USAGE),
        )
    )
    assert outcome.events == [
        ReasoningDelta("They want a greeting."),
        TextDelta("Hello"),
        TextDelta("!"),
        Finished("stop", TRUE_USAGE, "req_1", MODEL),
    ]


def test_usage_comes_twice_and_counts_once() -> None:
    groq = {"id": "req_1", "usage": {**USAGE, "completion_tokens": 29}}
    last = chunk(choices=[], usage=USAGE)
    nothing = chunk(choices=[], usage=None)
    outcome, _ = ask(streamed(chunk({"content": "a"}, "stop", x_groq=groq), last, nothing))
    assert outcome.finished.usage == TRUE_USAGE
    outcome, _ = ask(streamed(chunk({"content": "a"}, "stop", x_groq={"usage": USAGE})))
    assert outcome.finished.usage == TRUE_USAGE


def test_an_unbelievable_usage_does_not_replace_a_good_one() -> None:
    outcome, _ = ask(
        streamed(
            chunk({"content": "a"}, "stop", x_groq={"usage": USAGE}),
            chunk(choices=[], usage={"prompt_tokens": -1, "completion_tokens": 1}),
        )
    )
    assert outcome.finished.usage == TRUE_USAGE


def test_a_usage_from_before_the_end_of_the_text_is_not_the_bill() -> None:
    early = {**USAGE, "completion_tokens": 1}
    rest = [chunk({"content": "b"}), chunk({"content": "c"}, "stop")]

    outcome, _ = ask(streamed(chunk({"content": "a"}, usage=early), *rest))
    assert outcome.finished.usage is None  # the caller counts
    outcome, _ = ask(streamed(chunk({"content": "a"}, usage=early), *rest, chunk(usage=USAGE)))
    assert outcome.finished.usage == TRUE_USAGE


def test_a_usage_with_every_chunk_is_up_to_date_where_the_stream_breaks() -> None:
    spoken = [chunk({"content": "a"}, usage={**USAGE, "completion_tokens": n}) for n in (1, 2, 3)]

    outcome, _ = ask(streamed(*spoken, done=False))
    assert outcome.failure is not None and outcome.failure.usage is not None
    assert outcome.failure.usage.output_tokens == 3
    outcome, _ = ask(streamed(*spoken, chunk({"content": "d"}), done=False))
    assert outcome.failure is not None and outcome.failure.usage is None


def test_a_whole_answer() -> None:
    message = {"role": "assistant", "content": "Hello!", "reasoning": "Hm."}
    answer = {
        "id": "chatcmpl-7",
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": USAGE,
        "x_groq": {"id": "req_1", "usage": {"dram_cached_tokens": 1, "sram_cached_tokens": 2}},
    }
    outcome, _ = ask(whole(answer))
    finished = Finished("stop", TRUE_USAGE, "req_1", MODEL)
    assert outcome.events == [ReasoningDelta("Hm."), TextDelta("Hello!"), finished]


def test_asking_for_a_whole_answer() -> None:
    answer = {"choices": [{"message": {"content": "Hello!"}, "finish_reason": "stop"}]}
    outcome, sent = ask(whole(answer), stream=False)
    assert outcome.text == "Hello!"
    assert sent.body == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Say hello"}],
        "stream": False,
        "max_completion_tokens": 64,
    }


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": [{"message": {}}]}, [1], None])
def test_a_whole_body_without_an_answer(answer: Any) -> None:
    outcome, _ = ask(whole(answer))
    assert outcome.failed.kind is FailureKind.PROTOCOL
    assert outcome.failed.billing is Billing.UNKNOWN


@pytest.mark.parametrize(
    "said, kept",
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("eos", "stop"),
        ("max_tokens", "length"),
    ],
)
def test_finish_reasons(said: str, kept: str) -> None:
    outcome, _ = ask(streamed(chunk({"content": "a"}), chunk({}, said)))
    assert outcome.finished.finish_reason == kept


@pytest.mark.parametrize("reason, done", [("stop", False), (None, True)])
def test_either_end_will_do(reason: str | None, done: bool) -> None:
    outcome, _ = ask(streamed(chunk({"content": "a"}, reason), done=done))
    assert outcome.finished.finish_reason == "stop"
    assert outcome.text == "a"


def test_no_end_at_all_is_a_broken_stream() -> None:
    outcome, _ = ask(streamed(chunk({"content": "a"}), done=False))
    assert outcome.text == "a"
    assert outcome.failed.kind is FailureKind.BROKEN_STREAM
    assert (outcome.failed.billing, outcome.failed.retry) == (Billing.UNKNOWN, False)


@pytest.mark.parametrize(
    "event",
    [
        {"error": {"message": "SECRET", "type": "server_error"}},
        {"error": "SECRET"},
        'event: error\ndata: {"message": "SECRET"}',
        'event: error\ndata: {"error": {"message": "SECRET"}}',
        "event: error\ndata: SECRET",
        chunk(x_groq={"id": "req_1", "error": "SECRET"}),
        chunk({}, "error"),
    ],
)
def test_an_error_in_the_stream_keeps_what_came_before(event: Any) -> None:
    outcome, _ = ask(streamed(chunk({"content": "a"}), event))
    assert outcome.text == "a"
    assert outcome.failed.billing is Billing.UNKNOWN
    assert outcome.failed.retry is False
    assert "SECRET" not in outcome.failed.detail


@pytest.mark.parametrize(
    "delta",
    [None, {}, {"content": None}, {"content": 7}, {"content": ["a"]}, {"reasoning": {}}, "text"],
)
def test_deltas_that_say_nothing(delta: Any) -> None:
    outcome, _ = ask(streamed(chunk(delta), chunk({"content": "a"}, "stop")))
    assert outcome.text == "a"


def test_names_that_could_not_be_stored_are_dropped() -> None:
    strange = {"id": "x" * 201, "model": "a\x00b", "x_groq": {"id": ["req"]}}
    outcome, _ = ask(streamed({**chunk({"content": "a"}, "stop"), **strange}))
    assert outcome.finished == Finished("stop", None, "", "")


def test_what_is_sent() -> None:
    extra = {
        "temperature": 0.2,
        "n": 5,
        "max_tokens": 10**6,
        "max_completion_tokens": 10**6,
        "stream": False,
        "stream_options": {},
        "model": "dearer",
        "messages": [],
    }
    outcome, sent = ask(streamed(chunk({"content": "a"}, "stop")), extra=extra)
    assert outcome.text == "a"
    assert sent.body == {
        "temperature": 0.2,
        "model": MODEL,
        "messages": [{"role": "user", "content": "Say hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 64,
    }
    assert sent.headers["authorization"] == "Bearer gsk_test"
    assert sent.headers["accept-encoding"] == "identity"
    assert sent.path == "/v1/chat/completions"


def test_a_server_of_the_old_school_gets_the_old_name_and_no_key() -> None:
    _, sent = ask(streamed(chunk({"content": "a"}, "stop")), slug="demo", key="")
    body = sent.body
    assert body["max_tokens"] == 64 and "max_completion_tokens" not in body
    assert "authorization" not in sent.headers


def test_a_prompt_of_half_characters_is_sent_anyhow() -> None:
    messages = [{"role": "user", "content": "a\ud83db é"}]
    _, sent = ask(streamed(chunk({"content": "a"}, "stop")), messages=messages)
    assert sent.body["messages"][0]["content"] == "a?b é"


@pytest.mark.parametrize("slug, is_kept", [("groq", False), ("openai", True), ("demo", True)])
def test_a_name_is_said_where_it_is_understood(slug: str, is_kept: bool) -> None:
    messages = [{"role": "user", "name": "ana", "content": "Hi"}, {"role": "user", "content": "?"}]
    _, sent = ask(streamed(chunk({"content": "a"}, "stop")), slug=slug, messages=messages)
    said = sent.body["messages"]
    assert said[0].get("name") == ("ana" if is_kept else None)
    assert said[0]["content"] == "Hi" and said[1] == messages[1]
    assert messages[0]["name"] == "ana", "the caller's own messages stay as they are"


def test_what_a_caller_may_ask_for_is_passed_on_as_it_is() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    schema = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"enum": ["é", 1e-9]}}}
    extra = {
        "tools": [tool],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "response_format": schema,
        "stop": ["\n\n", "END"],
        "seed": 2**40,
        "temperature": 0,
        "top_p": 0.1,
        "reasoning_effort": "low",
        "user": "u-1",
        "presence_penalty": -2,
        "frequency_penalty": 0.5,
    }
    _, sent = ask(streamed(chunk({"content": "a"}, "stop")), extra=extra)
    body = sent.body
    assert {name: body[name] for name in extra} == extra


def test_a_request_that_cannot_be_written_is_not_sent() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    request = a_request("http://127.0.0.1:1/v1", extra={"tools": nested})
    failure = call(request).failed
    assert (failure.kind, failure.billing) == (FailureKind.REJECTED, Billing.NOT_BILLED)


def test_groqs_rate_limit() -> None:
    error = {"message": "Rate limit", "type": "tokens", "code": "rate_limit_exceeded"}
    answer = whole({"error": error}, status=429, headers={"Retry-After": "5.289"})
    outcome, _ = ask(answer)
    assert outcome.failed.kind is FailureKind.OVERLOADED
    assert outcome.failed.retry_after_seconds == 5.289
    assert outcome.failed.billing is Billing.NOT_BILLED

"""Streams: chunks in OpenAI's shape, an end that says whether it is one, and clients that leave."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from router_app.api.v1 import outgoing, streams
from router_app.api.v1.chunks import Chunks
from router_app.errors import ProviderFailed
from router_app.gateway import engine
from router_app.gateway.broadcast import Broadcast
from router_app.gateway.requests import Delta, RunEvent
from router_app.models import Call, RoutingDecision
from router_app.providers.base import (
    Billing,
    FailureKind,
    Finished,
    ProviderFailure,
    ReasoningDelta,
    TextDelta,
    ToolCallsDelta,
    Usage,
)
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.api.v1.calling import HELLO, Program, Response
from tests.gateway.books import assert_clean, assert_nothing_held

pytestmark = pytest.mark.django_db(transaction=True)

STREAM = {"model": "auto", "messages": HELLO, "stream": True}
END = Finished("stop", Usage(10, 3))


def test_chunks_end_with_a_reason_the_receipt_and_done(
    program: Program, provider: ScriptedProvider
) -> None:
    provider.enqueue(TextDelta("It "), TextDelta('is\n"so".'), END)

    response = program.post(STREAM)

    assert response.status == 200
    assert response.is_whole
    assert response.headers["content-type"] == "text/event-stream"
    *chunks, done = response.events
    assert done == "[DONE]"
    call = Call.objects.get()
    decision = call.decision
    for chunk in chunks:
        assert chunk["id"] == f"chatcmpl-{decision.pk.hex}"
        assert chunk["object"] == "chat.completion.chunk"
        assert chunk["model"] == "llama-3.3-70b-versatile"
        assert "usage" not in chunk
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas == [
        {"role": "assistant", "content": ""},
        {"content": "It "},
        {"content": 'is\n"so".'},
        {},
    ]
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert reasons == [None, None, None, "stop"]
    assert chunks[-1]["router"]["id"] == str(decision.pk)
    assert chunks[-1]["router"]["call_id"] == str(call.pk)
    assert response.headers["x-router-call-id"] == str(call.pk)
    assert response.headers["x-router-model"] == "llama-3.3-70b-versatile"


def test_usage_comes_in_a_chunk_of_its_own_where_it_is_asked_for(
    program: Program, provider: ScriptedProvider
) -> None:
    provider.enqueue(TextDelta("Yes."), END)

    response = program.post({**STREAM, "stream_options": {"include_usage": True}})

    *chunks, usage, done = response.events
    assert all(chunk["usage"] is None for chunk in chunks)
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == 13
    assert usage["usage"]["cost"] == chunks[-1]["router"]["actual_cost"] > 0
    assert done == "[DONE]"


def test_thinking_and_tool_calls_are_passed_on(
    program: Program, provider: ScriptedProvider
) -> None:
    call = b'[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]'
    more = b'[{"index":0,"function":{"arguments":"{}"}}]'
    provider.default = (
        ReasoningDelta("Hm."),
        ToolCallsDelta(call),
        ToolCallsDelta(more),
        Finished("tool_calls", Usage(10, 9)),
    )

    chunks = program.post(STREAM).events[:-1]
    hidden = program.post({**STREAM, "include_reasoning": False}).events[:-1]

    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[1] == {"reasoning": "Hm."}
    assert deltas[2]["tool_calls"][0]["function"]["name"] == "f"
    assert deltas[3]["tool_calls"] == [{"index": 0, "function": {"arguments": "{}"}}]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert not any("reasoning" in chunk["choices"][0]["delta"] for chunk in hidden)


def broken(kind: FailureKind, billing: Billing = Billing.UNKNOWN) -> ProviderFailure:
    return ProviderFailure(kind, "in our words", billing=billing)


def test_a_failure_on_the_way_is_an_error_event_and_no_done(
    program: Program, provider: ScriptedProvider
) -> None:
    provider.enqueue(TextDelta("It "), TextDelta("is"), broken(FailureKind.BROKEN_STREAM))

    response = program.post(STREAM)

    assert response.status == 200
    assert response.is_whole
    error = response.events[-1]["error"]
    assert (error["code"], error["type"]) == ("provider_failed", "provider_error")
    assert error["id"] == str(RoutingDecision.objects.get().pk)
    assert error["actual_cost"] > 0
    assert "[DONE]" not in response.events
    assert_clean()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FailureKind.SERVER, 502),
        (FailureKind.OVERLOADED, 503),
        (FailureKind.TIMEOUT, 504),
    ],
)
def test_a_failure_before_the_first_word_is_a_status(
    kind: FailureKind, status: int, program: Program, provider: ScriptedProvider
) -> None:
    provider.default = (broken(kind, Billing.NOT_BILLED),)

    response = program.post({**STREAM, "model": "openai/gpt-oss-20b"})

    assert response.status == status
    assert response.headers["content-type"] == "application/json"
    assert response.error["actual_cost"] == 0
    assert_nothing_held()


def test_another_model_may_answer_before_the_first_word(
    program: Program, provider: ScriptedProvider
) -> None:
    provider.enqueue(broken(FailureKind.REJECTED, Billing.NOT_BILLED))

    response = program.post(STREAM)

    chunks = response.events[:-1]
    answered = RoutingDecision.objects.get().calls.get(outcome="answered").model.model_id
    assert {chunk["model"] for chunk in chunks} == {answered}
    assert response.headers["x-router-model"] == answered != "llama-3.3-70b-versatile"
    assert chunks[-1]["router"]["attempts"] == 2


class CutRun:
    """A run of which a hundred words are there already, and no more will come."""

    admission = SimpleNamespace(spec=SimpleNamespace(id="m"))

    def __init__(self) -> None:
        self.events: Broadcast[RunEvent] = Broadcast()
        for _ in range(100):
            self.events.send(Delta("a "))
        self.events.close()

    def events_together(self, quiet_seconds: float) -> AsyncIterator[Sequence[RunEvent]]:
        return self.events.follow_together(quiet_seconds)

    async def finished(self) -> None:
        raise ProviderFailed("cut")


def test_what_waits_together_is_sent_together() -> None:
    async def run() -> list[bytes]:
        cut: Any = CutRun()
        chunks = Chunks(uuid.uuid4(), 1, wants_usage=False, tells_reasoning=True)
        following = streams.Following(cut)
        begun = await following.first()
        return [piece async for piece in streams.pieces_of(cut, following, begun, chunks)]

    words, error = asyncio.run(run())

    assert words.count(b'"content":"a "') == 100
    assert words.count(b'"role"') == 1
    assert b"provider_failed" in error


def test_an_answer_of_nothing_is_a_stream_all_the_same(
    program: Program, provider: ScriptedProvider
) -> None:
    provider.enqueue(Finished("length", Usage(10, 50, reasoning_tokens=50)))

    first, last, done = program.post(STREAM).events

    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert last["choices"][0]["finish_reason"] == "length"
    assert done == "[DONE]"


def test_a_long_answer_is_sent_in_pieces(program: Program, provider: ScriptedProvider) -> None:
    provider.enqueue(TextDelta("a" * 300_000), END)

    response = program.post(STREAM)

    assert max(map(len, response.pieces)) <= 65_536
    assert "".join(_texts(response)) == "a" * 300_000


def _texts(response: Response) -> list[str]:
    chunks = [event for event in response.events if event != "[DONE]"]
    return [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]


def test_after_long_silence_a_comment_keeps_the_connection(
    program: Program, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "QUIET_SECONDS", 0.05)
    first, then = Gate(), Gate()
    provider.enqueue(first, TextDelta("It "), then, TextDelta("is."), END)

    async def run() -> Response:
        connection = program.connection(STREAM)
        running = asyncio.create_task(connection.run())
        for gate in (first, then):
            heard = len(connection.response.pieces)
            while b": waiting" not in b"".join(connection.response.pieces[heard:]):
                await asyncio.sleep(0.01)
            gate.open()
        return await running

    response = asyncio.run(run())

    assert response.status == 200
    assert "".join(_texts(response)) == "It is."
    assert response.events[-1] == "[DONE]"


def test_after_long_silence_a_failure_is_an_error_event(
    program: Program, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "QUIET_SECONDS", 0.05)
    gate = Gate()
    provider.default = (gate, broken(FailureKind.TIMEOUT))

    async def run() -> Response:
        connection = program.connection({**STREAM, "model": "openai/gpt-oss-20b"})
        running = asyncio.create_task(connection.run())
        while not connection.response.pieces:
            await asyncio.sleep(0.01)
        gate.open()
        return await running

    response = asyncio.run(run())

    assert response.status == 200
    assert response.events[-1]["error"]["code"] == "provider_timeout"


@pytest.mark.parametrize("words", [0, 1])
def test_a_stream_ends_where_its_client_leaves(
    words: int, program: Program, provider: ScriptedProvider
) -> None:
    never = Gate()
    provider.enqueue(*[TextDelta("It ")] * words, never, END)

    async def run() -> Response:
        connection = program.connection(STREAM)
        running = asyncio.create_task(connection.run())
        await provider.arrived(1)
        while len(connection.response.pieces) < words:
            await asyncio.sleep(0.01)
        connection.left.set()
        return await running

    response = asyncio.run(run())
    wait_for_the_end()

    assert not response.is_whole
    assert Call.objects.get().outcome == "stopped"
    assert_nothing_held()
    assert_clean()


def test_a_whole_answer_goes_on_without_its_client(
    program: Program, provider: ScriptedProvider
) -> None:
    gate = Gate()
    provider.enqueue(gate, TextDelta("It is."), END)

    async def run() -> None:
        connection = program.connection({"model": "auto", "messages": HELLO})
        running = asyncio.create_task(connection.run())
        await provider.arrived(1)
        connection.left.set()
        running.cancel()  # as a server does with requests whose client left
        await asyncio.wait({running})
        gate.open()

    asyncio.run(run())
    wait_for_the_end()

    assert (Call.objects.get().outcome, Call.objects.get().usage_source) == ("answered", "reported")
    assert_clean()


def test_a_client_that_does_not_read_is_dropped(
    program: Program, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "SLOWEST_WRITE_SECONDS", 0.05)
    provider.enqueue(TextDelta("It "), Gate(), END)

    async def stuck(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def run() -> bool:
        connection = program.connection(STREAM, on_send=stuck)
        running = asyncio.create_task(connection.run())
        await asyncio.wait({running})
        return running.cancelled()

    assert asyncio.run(run())
    wait_for_the_end()
    assert Call.objects.get().outcome == "stopped"
    assert_nothing_held()


def wait_for_the_end() -> None:
    asyncio.run(engine.wait_for_runs(10))

"""`Idempotency-Key` on `/v1`: whole answers and streams, made once and replayed as they were."""

import asyncio
import json
from typing import Any

import pytest

from router_app.gateway import recording
from router_app.gateway.writer import writer
from router_app.models import Call, IdempotentRequest, RoutingDecision, User
from router_app.providers.base import (
    Billing,
    FailureKind,
    Finished,
    ProviderFailure,
    TextDelta,
    ToolCallsDelta,
    Usage,
)
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.api.conftest import Asker
from tests.api.v1.calling import HELLO, Program, Response
from tests.gateway.books import assert_clean, assert_nothing_held

pytestmark = pytest.mark.django_db(transaction=True)

BODY = {"model": "auto", "messages": HELLO}
STREAM = {**BODY, "stream": True, "stream_options": {"include_usage": True}}
END = Finished("stop", Usage(10, 3))


def post(program: Program, body: Any = BODY, key: str = "order-1", **options: Any) -> Response:
    return program.post(body, idempotency_key=key, **options)


def same(first: Response, again: Response) -> bool:
    """The same answer, save for what belongs to each exchange."""

    def seen(response: Response) -> Any:
        told = {k: v for k, v in response.headers.items() if not k.startswith("x-r")}
        told.pop("idempotent-replayed", None)
        return response.status, response.content, told, response.is_whole

    return bool(seen(first) == seen(again))


def test_a_whole_answer_is_replayed(program: Program, provider: ScriptedProvider) -> None:
    first, again = post(program), post(program)

    assert first.status == 200 and "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert same(first, again)
    for name in ("x-router-model", "x-router-cost", "x-router-call-id"):
        assert first.headers[name] == again.headers[name]
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    assert again.headers["content-length"] == str(len(again.content))
    assert len(provider.calls) == 1
    assert_clean()


def test_a_stream_is_replayed_as_a_stream(program: Program, provider: ScriptedProvider) -> None:
    calls = ToolCallsDelta(b'[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]')
    texts = [TextDelta(f"{number} ä ") for number in range(300)]
    provider.enqueue(*texts, calls, END)

    first, again = post(program, STREAM), post(program, STREAM)

    assert first.events[-1] == "[DONE]" and len(first.events) > 300
    assert again.headers["content-type"] == "text/event-stream"
    assert "content-length" not in again.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert same(first, again)
    assert len(provider.calls) == 1


def test_a_long_stream_is_replayed_in_pieces(program: Program, provider: ScriptedProvider) -> None:
    provider.enqueue(*[TextDelta("word " * 1000) for _ in range(60)], END)

    first, again = post(program, STREAM), post(program, STREAM)

    assert same(first, again)
    assert len(again.content) > 300_000
    assert max(len(piece) for piece in again.pieces) <= recording.PIECE_BYTES


def test_both_addresses_are_one_and_route_is_another(
    program: Program, asker: Asker, provider: ScriptedProvider
) -> None:
    raw = json.dumps(BODY).encode()
    first = post(program, None, raw=raw)

    again = post(program, None, raw=raw, path="/openai/v1/chat/completions")
    assert again.headers["idempotent-replayed"] == "true"
    assert same(first, again)

    other = post(program, None, raw=raw + b" ")
    assert (other.status, other.error["code"]) == (422, "idempotency_key_reused")
    elsewhere = asker.post({"prompt": "Hello", "budget": 0.01}, idempotency_key="order-1")
    assert elsewhere.status_code == 422
    assert len(provider.calls) == 1


@pytest.mark.parametrize("text", ["x" * 256, "naïve", "\x7f"])
def test_what_is_no_key_is_refused(text: str, program: Program, provider: ScriptedProvider) -> None:
    refused = post(program, key=text)

    assert (refused.status, refused.error["param"]) == (400, "Idempotency-Key")
    assert not provider.calls


def test_a_dry_run_has_no_use_for_a_key(program: Program, provider: ScriptedProvider) -> None:
    assert post(program, {**BODY, "router": {"dry_run": True}}).status == 200
    assert not IdempotentRequest.objects.exists()
    assert post(program).status == 200


def test_a_refusal_leaves_the_key_free(program: Program, provider: ScriptedProvider) -> None:
    poor = {**BODY, "router": {"budget": 0.000000001}}
    for refused in (poor, {**BODY, "model": "nobody/knows"}, {**BODY, "n": 2}):
        assert post(program, refused).status in (400, 402, 404)

    assert post(program).status == 200
    assert len(provider.calls) == 1


@pytest.mark.parametrize("body", [BODY, STREAM], ids=["whole", "stream"])
def test_a_failure_is_repeated_and_final(
    body: Any, program: Program, provider: ScriptedProvider
) -> None:
    provider.default = (ProviderFailure(FailureKind.OVERLOADED, "x", billing=Billing.NOT_BILLED),)
    body = {**body, "model": "llama-3.1-8b-instant"}

    first = post(program, body)
    calls = len(provider.calls)
    again = post(program, body)

    assert first.status == 503
    assert first.headers["x-should-retry"] == "false"
    assert first.error["id"] == str(RoutingDecision.objects.get().pk)
    assert same(first, again)
    assert len(provider.calls) == calls


def test_a_stream_that_broke_is_replayed_as_it_broke(
    program: Program, provider: ScriptedProvider
) -> None:
    broken = ProviderFailure(FailureKind.BROKEN_STREAM, "x", billing=Billing.UNKNOWN)
    provider.enqueue(TextDelta("Once upon"), broken)

    first, again = post(program, STREAM), post(program, STREAM)

    assert first.status == 200 and "error" in first.events[-1]
    assert same(first, again)
    assert len(provider.calls) == 1


@pytest.mark.parametrize("body", [BODY, STREAM], ids=["whole", "stream"])
def test_a_client_that_leaves_finds_the_whole_answer(
    body: Any, program: Program, provider: ScriptedProvider
) -> None:
    gate = Gate()
    provider.enqueue(TextDelta("The beginning, "), gate, TextDelta("the end."), END)

    async def story() -> Response:
        leaving = program.connection(body, idempotency_key="order-1")
        asked = asyncio.create_task(leaving.run())
        await provider.arrived(1)
        if body is STREAM:
            while b"beginning" not in leaving.response.content:
                await asyncio.sleep(0.005)
            leaving.left.set()
            await asked
            assert not leaving.response.is_whole
        else:
            asked.cancel()
        busy = await program.connection(body, idempotency_key="order-1").run()
        assert (busy.status, busy.error["code"]) == (409, "idempotency_key_in_use")
        assert busy.headers["retry-after"] == "1"
        gate.open()
        kept = IdempotentRequest.objects.filter(status=200)
        while not await writer.run(kept.exists):
            await asyncio.sleep(0.005)
        return await program.connection(body, idempotency_key="order-1").run()

    again = asyncio.run(story())

    assert again.headers["idempotent-replayed"] == "true"
    assert b"the end." in again.content and again.is_whole
    if body is STREAM:
        assert again.events[-1] == "[DONE]"
    assert Call.objects.get().outcome == "answered"
    assert len(provider.calls) == 1
    assert_nothing_held()
    assert_clean()


def test_the_first_words_do_not_wait_for_the_last(
    program: Program, provider: ScriptedProvider
) -> None:
    gate = Gate()
    provider.enqueue(TextDelta("early"), gate, END)

    async def on_send(message: Any) -> None:
        if b"early" in message.get("body", b""):
            gate.open()

    first = program.post(STREAM, idempotency_key="order-1", on_send=on_send)

    assert first.events[-1] == "[DONE]"


def test_whoever_saw_the_end_finds_it_recorded(
    program: Program, provider: ScriptedProvider, alice: User
) -> None:
    seen: list[bool] = []

    async def on_send(message: Any) -> None:
        if b"[DONE]" in message.get("body", b""):
            kept = IdempotentRequest.objects.filter(user=alice, status=200)
            seen.append(await writer.run(kept.exists))

    program.post(STREAM, idempotency_key="order-1", on_send=on_send)

    assert seen == [True]

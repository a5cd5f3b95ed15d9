"""A key's limits at `/v1`: counted together with `/route`, held by a stream until its end."""

import asyncio
from typing import Any

import pytest

from router_app.gateway.keys import create_key
from router_app.gateway.rate_counters import LocalCounter
from router_app.gateway.rates import rates
from router_app.models import ApiKey, User
from router_app.providers.base import Billing, FailureKind, Finished, ProviderFailure, TextDelta
from router_app.providers.base import Usage as ProviderUsage
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.api.conftest import Asker
from tests.api.v1.calling import HELLO, Program, Response

pytestmark = pytest.mark.django_db(transaction=True)
BODY = {"model": "auto", "messages": HELLO}
STREAM = {**BODY, "stream": True}
END = Finished("stop", ProviderUsage(10, 3))
LEFT, FREE = "x-ratelimit-remaining-requests", "x-ratelimit-remaining-concurrency"


@pytest.fixture(autouse=True)
def _nothing_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "local", LocalCounter())


def limited(user: User, **limits: int) -> Program:
    """A program of this person whose key has these limits."""
    row, text = create_key(user=user, name="limited")
    ApiKey.objects.filter(pk=row.pk).update(**limits)
    return Program(text)


def test_one_count_for_both_addresses_and_for_whatever_is_asked(
    alice: User, provider: ScriptedProvider
) -> None:
    program = limited(alice, requests_per_minute=7)
    found = [
        program.ask(),
        program.post(STREAM),
        program.post(raw=b"{"),
        program.post(BODY, content_type="text/plain"),
        program.ask(router={"budget": 0.000000001}),
        program.post(BODY, path="/openai/v1/chat/completions"),
    ]
    assert [each.status for each in found] == [200, 200, 400, 415, 402, 200]
    assert [each.headers[LEFT] for each in found] == ["6", "5", "4", "3", "2", "1"]
    assert program.get("/v1/models").status == 200
    assert Asker(program.key).ask().headers[LEFT] == "0"

    calls = len(provider.calls)
    for refused in (program.ask(), program.post(STREAM), program.post(raw=b"{")):
        assert refused.status == 429
        assert refused.error["code"] == "rate_limit_exceeded"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers[LEFT] == "0"
    assert len(provider.calls) == calls


def test_a_key_without_limits_hears_nothing_of_them(
    program: Program, provider: ScriptedProvider
) -> None:
    for body in (BODY, STREAM):
        assert not [name for name in program.post(body).headers if "ratelimit" in name]


def test_a_stream_holds_its_place_until_its_end(alice: User, provider: ScriptedProvider) -> None:
    program, gate = limited(alice, concurrent_requests=1), Gate()
    provider.enqueue(TextDelta("It "), gate, TextDelta("is."), END)
    meanwhile: list[Response] = []
    afterwards: list[Response] = []

    async def ask_on_hearing_the_end(message: Any) -> None:
        if message.get("body", b"").endswith(b"data: [DONE]\n\n"):
            afterwards.append(await program.connection(BODY).run())

    async def run() -> Response:
        streaming = program.connection(STREAM, on_send=ask_on_hearing_the_end)
        running = asyncio.create_task(streaming.run())
        while not streaming.response.pieces:
            await asyncio.sleep(0.01)
        meanwhile.append(await program.connection(BODY).run())
        gate.open()
        return await running

    assert asyncio.run(run()).headers[FREE] == "0"
    assert [each.status for each in meanwhile] == [429]
    assert [each.status for each in afterwards] == [200]


def test_an_answer_that_is_heard_has_given_its_place_back(
    alice: User, provider: ScriptedProvider
) -> None:
    program = limited(alice, concurrent_requests=1)
    afterwards: list[int] = []

    async def ask_again(message: Any) -> None:
        if message["type"] == "http.response.body" and not afterwards:
            afterwards.append(0)
            afterwards.append((await program.connection(BODY).run()).status)

    assert program.post(BODY, on_send=ask_again).status == 200
    assert afterwards == [0, 200]


def test_a_client_that_leaves_and_a_stream_that_breaks_give_their_place_back(
    alice: User, provider: ScriptedProvider
) -> None:
    program = limited(alice, concurrent_requests=1)
    provider.enqueue(TextDelta("It "), Gate(), END)

    async def leave() -> None:
        connection = program.connection(STREAM)
        running = asyncio.create_task(connection.run())
        while not connection.response.pieces:
            await asyncio.sleep(0.01)
        connection.left.set()
        await running

    asyncio.run(leave())
    broken = ProviderFailure(FailureKind.BROKEN_STREAM, "it broke", billing=Billing.UNKNOWN)
    provider.enqueue(TextDelta("It "), broken)
    assert "error" in program.post(STREAM).events[-1]
    assert program.post(BODY).status == 200

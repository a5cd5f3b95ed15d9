"""Connections: closed when the caller leaves, kept when all was read, many at once."""

import asyncio
from contextlib import aclosing

import pytest
import uvloop

from router_app.providers import http
from router_app.providers.base import Billing, FailureKind, Finished, Limits, TextDelta
from router_app.providers.openai_compatible import OpenAICompatible
from tests.providers.behaviours import TEXT
from tests.providers.calling import a_request, drain
from tests.providers.hostile import HostileUpstream


def test_leaving_early_closes_the_connection(hostile_upstream: HostileUpstream) -> None:
    async def run() -> None:
        provider = OpenAICompatible()
        request = a_request(hostile_upstream.url("trickles_tokens"))
        async with aclosing(provider.stream(request)) as events:
            assert isinstance(await anext(events), TextDelta)
        await hostile_upstream.eventually(lambda: hostile_upstream.open_connections == 0)
        assert hostile_upstream.left_early == ["trickles_tokens"]
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await provider.aclose()

    asyncio.run(run())


@pytest.mark.parametrize("name", ["slow_headers", "slow_first_token", "slow_between_tokens"])
def test_a_cancelled_caller_closes_the_connection(
    hostile_upstream: HostileUpstream, name: str
) -> None:
    async def run() -> None:
        provider = OpenAICompatible()
        limits = Limits(first_token=20, between_tokens=20)
        request = a_request(hostile_upstream.url(name), limits=limits)
        task = asyncio.create_task(drain(provider, request))
        await hostile_upstream.eventually(lambda: len(hostile_upstream.received) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await hostile_upstream.eventually(lambda: hostile_upstream.open_connections == 0)
        await provider.aclose()

    asyncio.run(run())


def test_a_caller_who_is_slow_is_not_the_providers_fault(
    hostile_upstream: HostileUpstream,
) -> None:
    """The limit between tokens counts the time we wait for the provider, not for the browser."""

    async def run() -> None:
        provider = OpenAICompatible()
        limits = Limits(first_token=2, between_tokens=0.2)
        events = []
        async with aclosing(
            provider.stream(a_request(hostile_upstream.url("answers"), limits=limits))
        ) as stream:
            async for event in stream:
                events.append(event)
                await asyncio.sleep(0.25 if len(events) == 1 else 0)
        assert isinstance(events[-1], Finished)
        await provider.aclose()

    asyncio.run(run())


def test_a_connection_is_used_again(hostile_upstream: HostileUpstream) -> None:
    async def run() -> None:
        provider = OpenAICompatible()
        for name in ("answers", "answers_whole", "busy", "answers"):
            await drain(provider, a_request(hostile_upstream.url(name)))
            assert hostile_upstream.open_connections == 1
        await provider.aclose()
        await hostile_upstream.eventually(lambda: hostile_upstream.open_connections == 0)
        assert hostile_upstream.connections_made == 1

    asyncio.run(run())


def test_a_cookie_is_not_sent_back(hostile_upstream: HostileUpstream) -> None:
    async def run() -> None:
        provider = OpenAICompatible()
        for _ in range(2):
            await drain(provider, a_request(hostile_upstream.url("sets_cookie")))
        await provider.aclose()

    asyncio.run(run())
    assert ["cookie" in request.headers for request in hostile_upstream.received] == [False, False]


def test_three_hundred_calls_at_once(hostile_upstream: HostileUpstream) -> None:
    """All wait for the gate together, more than a default pool would let through."""

    async def run() -> None:
        provider = OpenAICompatible()
        hostile_upstream.hold()
        limits = Limits(first_token=20)
        request = a_request(hostile_upstream.url("answers"), limits=limits)
        calls = [asyncio.create_task(drain(provider, request)) for _ in range(300)]
        await hostile_upstream.eventually(lambda: len(hostile_upstream.received) == 300, 30)
        hostile_upstream.let_go()
        assert all(outcome.text == "".join(TEXT) for outcome in await asyncio.gather(*calls))
        await provider.aclose()

    asyncio.run(run())
    assert len(hostile_upstream.bill) == 300


def test_a_kept_connection_that_the_server_closed_is_not_used(
    hostile_upstream: HostileUpstream,
) -> None:
    async def run() -> None:
        provider = OpenAICompatible()
        for _ in range(3):
            outcome = await drain(
                provider, a_request(hostile_upstream.url("whole_said_to_close"), stream=False)
            )
            assert outcome.text == "".join(TEXT)
            await hostile_upstream.eventually(lambda: hostile_upstream.open_connections == 0)
        await provider.aclose()

    asyncio.run(run())
    assert len(hostile_upstream.received) == hostile_upstream.connections_made == 3


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ["closes_before_headers", "resets_before_headers"])
def test_a_kept_connection_that_closes_under_the_request_is_no_reason_to_repeat_it(
    hostile_upstream: HostileUpstream, name: str, stream: bool
) -> None:
    """The server may have read it and begun: only who holds the money may ask again."""
    hostile_upstream.behave("answers", name, "answers")

    async def run() -> None:
        provider = OpenAICompatible()
        request = a_request(hostile_upstream.url(), stream=stream)
        assert (await drain(provider, request)).failure is None
        failure = (await drain(provider, request)).failed
        assert failure.kind is FailureKind.BROKEN_STREAM
        assert (failure.billing, failure.retry) == (Billing.UNKNOWN, True)
        assert (len(hostile_upstream.received), hostile_upstream.connections_made) == (2, 1)
        assert (await drain(provider, request)).failure is None
        assert (len(hostile_upstream.received), hostile_upstream.connections_made) == (3, 2)
        await provider.aclose()

    asyncio.run(run())


@pytest.mark.parametrize(
    "name", ["two_answers", "length_too_small", "whole_until_closed", "error_of_100_kb"]
)
def test_what_an_answer_left_behind_is_never_the_next_answer(
    hostile_upstream: HostileUpstream, name: str
) -> None:
    hostile_upstream.behave(name, "calls_a_tool_whole")

    async def run() -> None:
        provider = OpenAICompatible()
        request = a_request(hostile_upstream.url(), stream=False)
        await drain(provider, request)
        outcome = await drain(provider, request)
        assert (outcome.text, outcome.finished.finish_reason) == ("", "tool_calls")
        await provider.aclose()

    asyncio.run(run())
    if name != "error_of_100_kb":  # which may come in one piece, and so be read to its end
        assert hostile_upstream.connections_made == 2


def test_an_idle_connection_is_closed_before_the_server_would(
    hostile_upstream: HostileUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "KEEPALIVE_SECONDS", 0.05)

    async def run() -> None:
        provider = OpenAICompatible()
        request = a_request(hostile_upstream.url("answers_whole"))
        await asyncio.gather(drain(provider, request), drain(provider, request))
        await hostile_upstream.eventually(lambda: hostile_upstream.open_connections == 0)
        assert (await drain(provider, request)).failure is None
        await provider.aclose()

    asyncio.run(run())
    assert hostile_upstream.connections_made == 3


def test_more_connections_than_allowed_are_refused_before_anything_is_sent(
    hostile_upstream: HostileUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_CONNECTIONS", 2)

    async def run() -> None:
        provider = OpenAICompatible()
        hostile_upstream.hold()
        request = a_request(hostile_upstream.url("answers"))
        calls = [asyncio.create_task(drain(provider, request)) for _ in range(2)]
        await hostile_upstream.eventually(lambda: len(hostile_upstream.received) == 2)
        failure = (await drain(provider, request)).failed
        assert failure.kind is FailureKind.CONNECT
        assert (failure.billing, failure.retry) == (Billing.NOT_BILLED, True)
        hostile_upstream.let_go()
        assert all(outcome.failure is None for outcome in await asyncio.gather(*calls))
        assert (await drain(provider, request)).failure is None
        await provider.aclose()

    asyncio.run(run())
    assert hostile_upstream.connections_made == 2


def test_closing_ends_the_calls_under_way(hostile_upstream: HostileUpstream) -> None:
    async def run() -> None:
        provider = OpenAICompatible()
        calls = [
            asyncio.create_task(drain(provider, a_request(hostile_upstream.url(name))))
            for name in ("slow_headers", "slow_first_token")
        ]
        await hostile_upstream.eventually(lambda: len(hostile_upstream.received) == 2)
        await provider.aclose()
        for outcome in await asyncio.gather(*calls):
            assert outcome.failed.kind is FailureKind.BROKEN_STREAM

    asyncio.run(run())


K = FailureKind
KINDS = {
    "answers": None,
    "answers_whole": None,
    "two_answers": None,
    "whole_until_closed": None,
    "calls_a_tool": None,
    "half_body": K.BROKEN_STREAM,
    "endless_tokens": K.PROTOCOL,
    "body_of_10_mb": K.PROTOCOL,
    "error_of_10_mb": K.SERVER,
    "resets_before_headers": K.BROKEN_STREAM,
    "not_http": K.PROTOCOL,
    "head_of_1_mb": K.PROTOCOL,
    "slow_first_token": K.TIMEOUT,
    "closes_mid_stream": K.BROKEN_STREAM,
}


def test_it_works_on_the_event_loop_of_the_server_as_well(
    hostile_upstream: HostileUpstream,
) -> None:
    async def run() -> None:
        provider = OpenAICompatible()
        limits = Limits(first_token=0.3, between_tokens=5, total=20)
        for name, kind in KINDS.items():
            request = a_request(hostile_upstream.url(name), limits=limits)
            outcome = await drain(provider, request)
            assert (outcome.failure.kind if outcome.failure else None) is kind, name
        await provider.aclose()
        await hostile_upstream.eventually(lambda: hostile_upstream.open_connections == 0)

    uvloop.run(run())

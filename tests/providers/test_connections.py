"""Connections: closed when the caller leaves, kept when all was read, many at once."""

import asyncio
from contextlib import aclosing

import pytest

from router_app.providers.base import Finished, Limits, TextDelta
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

"""Who serves an endpoint."""

import asyncio

from router_app.providers.base import Endpoint, Provider
from router_app.providers.registry import aclose_all, provider_for, use_provider
from router_app.providers.scripted import ScriptedProvider

ENDPOINT = Endpoint("groq", "http://provider.test/v1")


async def ask() -> Provider:
    return provider_for(ENDPOINT)


def test_one_adapter_for_a_loop_and_none_shared_between_loops() -> None:
    async def run() -> Provider:
        first = provider_for(ENDPOINT)
        assert provider_for(Endpoint("demo", "http://127.0.0.1:1/v1")) is first
        await aclose_all()
        assert provider_for(ENDPOINT) is not first
        return provider_for(ENDPOINT)

    before = asyncio.run(run())
    assert asyncio.run(run()) is not before


def test_another_provider_in_place_for_a_while() -> None:
    outer, inner = ScriptedProvider(), ScriptedProvider()
    with use_provider(outer):
        with use_provider(inner):
            assert asyncio.run(ask()) is inner
        assert asyncio.run(ask()) is outer
    assert asyncio.run(ask()) not in (inner, outer)


def test_closing_where_nothing_was_opened() -> None:
    asyncio.run(aclose_all())

"""SIGTERM while answers are being written: they are finished, and nobody new is let in.

Real processes and real sockets; on SQLite here, on PostgreSQL through tests/test_postgres.py.
"""

import asyncio
import re
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client

from router_app.models import Call, Message, User
from tests.gateway.books import assert_clean, assert_nothing_held
from tests.providers.behaviours.table import usage_of
from tests.providers.exchange import Exchange
from tests.providers.hostile import HostileUpstream
from tests.serving.processes import family, is_running, wait_until
from tests.stories.servers import Gunicorn

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

EACH = 25
CHAT = {"model": "auto", "messages": [{"role": "user", "content": "Why?"}], "stream": True}
COMPLETIONS = "/v1/chat/completions"
TOKEN = "c" * 32


class Halfway:
    """A provider's answer that stops in the middle until it is told to go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    async def __call__(self, exchange: Exchange) -> None:
        await exchange.stream()
        await exchange.token("One half, ")
        while not self.go_on.is_set():
            await asyncio.sleep(0.02)
        await exchange.token("and the other.")
        await exchange.finish()
        await exchange.usage(usage_of(exchange))
        await exchange.done()


class Reader:
    """A stream that somebody follows."""

    def __init__(self, response: httpx.Response) -> None:
        self._parts = response.aiter_text()
        self.text = ""

    async def until(self, words: str) -> None:
        """Return when it has said this."""
        while words not in self.text:
            self.text += await anext(self._parts)

    async def to_the_end(self) -> str:
        """All of it."""
        async for part in self._parts:
            self.text += part
        return self.text


@pytest.fixture
def halfway(upstream: HostileUpstream) -> Iterator[Halfway]:
    behaviour = Halfway()
    upstream.say(behaviour)
    yield behaviour
    behaviour.go_on.set()


@pytest.fixture
def cookies(alice: User) -> dict[str, str]:
    """Of alice's browser."""
    browser = Client()
    browser.force_login(alice)
    return {"sessionid": browser.cookies["sessionid"].value, "csrftoken": TOKEN}


async def follow_v1(
    stack: AsyncExitStack, client: httpx.AsyncClient, headers: dict[str, str]
) -> Reader:
    """Ask at `/v1`, and read the first words."""
    asked = client.stream("POST", COMPLETIONS, json=CHAT, headers=headers)
    response = await stack.enter_async_context(asked)
    assert response.status_code == 200, await response.aread()
    reader = Reader(response)
    await reader.until("One half, ")
    return reader


async def send(browser: httpx.AsyncClient) -> httpx.Response:
    """Ask in a new chat, as the page's script does."""
    data = {"prompt": "Why?", "task": "general", "quality": "medium", "budget": "0.001"}
    headers = {"HX-Request": "true", "X-CSRFToken": TOKEN}
    return await browser.post("/send/", data={**data, "model": ""}, headers=headers)


async def follow_chat(stack: AsyncExitStack, browser: httpx.AsyncClient) -> Reader:
    """Ask in a chat, and read the first words."""
    page = await send(browser)
    found = re.search(r'data-stream="([^"]+)"', page.text)
    assert found, page.text
    response = await stack.enter_async_context(browser.stream("GET", found[1]))
    reader = Reader(response)
    await reader.until("One half, ")
    return reader


async def follow_all(
    stack: AsyncExitStack,
    server: Gunicorn,
    headers: dict[str, str],
    cookies: dict[str, str],
    each: int = EACH,
) -> list[Reader]:
    """So many streams of each face, all of them in the middle of their answers."""
    client = await stack.enter_async_context(a_client(server))
    browser = await stack.enter_async_context(a_browser(server, cookies))
    readers = [follow_v1(stack, client, headers) for _ in range(each)]
    readers += [follow_chat(stack, browser) for _ in range(each)]
    return await asyncio.gather(*readers)


def a_client(server: Gunicorn) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, timeout=60)


def a_browser(server: Gunicorn, cookies: dict[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, timeout=60, cookies=cookies)


async def until_it_says_so(client: httpx.AsyncClient) -> None:
    """Return when `/ready` tells that the server will end."""
    async with asyncio.timeout(10):
        while (await client.get("/ready")).json()["checks"]["shutting_down"] is not True:
            await asyncio.sleep(0.01)


async def assert_refused(
    server: Gunicorn, headers: dict[str, str], cookies: dict[str, str]
) -> None:
    """A 503 that says when to come back; on connections that are made now."""
    async with a_client(server) as client:
        assert (await client.get("/ready")).status_code == 503
        assert (await client.get("/health")).status_code == 200
        route = client.post("/route", json={"prompt": "Why?", "budget": 0.01}, headers=headers)
        asked: list[Any] = [
            client.post(COMPLETIONS, json=CHAT, headers=headers),
            client.post(COMPLETIONS, json={**CHAT, "stream": False}, headers=headers),
            route,
        ]
        for response in await asyncio.gather(*asked):
            assert response.status_code == 503
            assert response.json()["error"]["code"] == "unavailable"
            assert int(response.headers["Retry-After"]) > 0
            assert response.headers["Connection"] == "close"
    async with a_browser(server, cookies) as browser:
        page = await send(browser)
        assert page.status_code == 409 and "shutting down" in page.headers["HX-Trigger"]
        assert (await browser.get("/dashboard/")).status_code == 200


def test_fifty_streams_are_finished(
    alice: User,
    upstream: HostileUpstream,
    halfway: Halfway,
    headers: dict[str, str],
    cookies: dict[str, str],
    tmp_path: Path,
) -> None:
    async def story(server: Gunicorn) -> list[str]:
        async with a_client(server) as client, AsyncExitStack() as stack:
            readers = await follow_all(stack, server, headers, cookies)
            server.send(signal.SIGTERM)
            await until_it_says_so(client)
            await assert_refused(server, headers, cookies)
            assert not server.has_ended
            halfway.go_on.set()
            return await asyncio.gather(*(reader.to_the_end() for reader in readers))

    with Gunicorn(tmp_path) as server:
        processes = family(server.pid)
        texts = asyncio.run(story(server))
        assert server.wait() == 0
        wait_until(lambda: not any(is_running(pid) for pid in processes))
        assert '"level": "error"' not in server.log

    for text in texts[:EACH]:
        assert "and the other." in text and text.endswith("data: [DONE]\n\n")
    for text in texts[EACH:]:
        assert "and the other." in text and "event: done" in text
    assert len(upstream.received) == 2 * EACH
    assert set(Call.objects.values_list("outcome", flat=True)) == {"answered"}
    assert Message.objects.filter(role="assistant", state="complete").count() == EACH
    assert_nothing_held()
    assert_clean()


def test_what_takes_longer_than_the_grace_is_ended_and_booked(
    alice: User,
    upstream: HostileUpstream,
    halfway: Halfway,
    headers: dict[str, str],
    cookies: dict[str, str],
    tmp_path: Path,
) -> None:
    async def story(server: Gunicorn) -> list[str]:
        async with AsyncExitStack() as stack:
            readers = await follow_all(stack, server, headers, cookies, each=5)
            server.send(signal.SIGTERM)
            return await asyncio.gather(*(reader.to_the_end() for reader in readers))

    with Gunicorn(tmp_path, SHUTDOWN_SECONDS="16") as server:
        texts = asyncio.run(story(server))
        assert server.wait() == 0

    for text in texts[:5]:
        assert '"error"' in text and "[DONE]" not in text
    for text in texts[5:]:
        assert "event: done" in text
    assert set(Call.objects.values_list("outcome", flat=True)) == {"interrupted"}
    assert set(Call.objects.values_list("usage_source", flat=True)) == {"counted"}
    assert Message.objects.filter(role="assistant", state="interrupted").count() == 5
    assert_nothing_held()
    assert_clean()


def test_a_proxy_is_told_before_anybody_is_refused(
    alice: User, upstream: HostileUpstream, headers: dict[str, str], tmp_path: Path
) -> None:
    async def answers(client: httpx.AsyncClient) -> AsyncIterator[int]:
        while True:
            asked = client.post(COMPLETIONS, json={**CHAT, "stream": False}, headers=headers)
            try:
                yield (await asked).status_code
            except httpx.TransportError:  # no longer there, or gone between asking and reading
                return

    async def story(server: Gunicorn) -> list[int]:
        async with a_client(server) as client:
            server.send(signal.SIGTERM)
            await until_it_says_so(client)
            return [status async for status in answers(client)]

    with Gunicorn(tmp_path, SHUTDOWN_DELAY_SECONDS="2") as server:
        statuses = asyncio.run(story(server))
        assert server.wait() == 0

    assert statuses[0] == 200 and set(statuses) <= {200, 503}
    assert statuses == sorted(statuses), "once it refuses it goes on refusing"
    assert len(upstream.received) == statuses.count(200)
    assert_nothing_held()
    assert_clean()

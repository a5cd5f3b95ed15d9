"""Bodies that nobody reads before the answer: they are read away behind it, within limits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from budgetrouter.serving import lingering
from budgetrouter.serving.lingering import Lingering

CHUNKED = [(b"transfer-encoding", b"chunked")]
ANNOUNCED = [(b"content-length", b"30")]
PART = b"x" * 10


class Client:
    """Sends a body in three parts, and notes what had been taken when the answer came."""

    def __init__(self, *, parts: int = 3, stuck: bool = False) -> None:
        self.unread = parts
        self.unread_at_answer = -1
        self._stuck = stuck

    async def receive(self) -> dict[str, Any]:
        if self._stuck or not self.unread:
            await asyncio.Event().wait()
        self.unread -= 1
        return {"type": "http.request", "body": PART, "more_body": self.unread > 0}

    async def send(self, message: Any) -> None:
        if not message.get("more_body"):
            self.unread_at_answer = self.unread


def reading(parts: int) -> Callable[[Any, Any, Any], Awaitable[None]]:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(parts):
            await receive()
        await send({"type": "http.response.body", "body": b""})

    return application


def serve(
    client: Client, parts: int, headers: list[tuple[bytes, bytes]], kind: str = "http"
) -> None:
    scope = {"type": kind, "headers": headers}
    asyncio.run(Lingering(reading(parts))(scope, client.receive, client.send))


@pytest.mark.parametrize("headers", [CHUNKED, ANNOUNCED])
@pytest.mark.parametrize("parts", [0, 1, 3])
def test_what_is_left_is_read_behind_the_answer(
    parts: int, headers: list[tuple[bytes, bytes]]
) -> None:
    client = Client()

    serve(client, parts, headers)

    assert client.unread_at_answer == 3 - parts
    assert client.unread == 0


@pytest.mark.parametrize("headers", [[], [*ANNOUNCED, (b"expect", b"100-continue")]])
def test_who_sends_nothing_is_not_waited_for(headers: list[tuple[bytes, bytes]]) -> None:
    client = Client()

    serve(client, 0, headers)

    assert client.unread == 3


def test_a_client_that_left_is_not_waited_for() -> None:
    async def receive() -> dict[str, Any]:
        received.append(1)
        return {"type": "http.disconnect"}

    received: list[int] = []
    client = Client()
    scope = {"type": "http", "headers": CHUNKED}
    asyncio.run(Lingering(reading(1))(scope, receive, client.send))

    assert len(received) == 1


def test_a_body_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "LINGER_BYTES", 25)
    client = Client(parts=1_000)

    serve(client, 0, CHUNKED)

    assert client.unread == 997


def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "LINGER_SECONDS", 0.01)
    client = Client(stuck=True)

    serve(client, 0, ANNOUNCED)

    assert client.unread_at_answer == 3

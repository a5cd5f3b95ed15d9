"""Reads away a body that was answered before it was read, so that the answer arrives.

Who sends a large body looks for the answer only afterwards. A connection that is closed while bytes
still come is reset, and with the reset the client's system throws the answer away: many clients
then report a broken connection, where it was a wrong key, and try again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

LINGER_SECONDS = 5.0
LINGER_BYTES = 32 * 1024 * 1024  # what is larger is not worth being told why


class Lingering:
    """ASGI middleware. What it waits for is no work under way: a server's end need not."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if not _sends_a_body(scope):
            await self._application(scope, receive, send)
            return
        body = _Body(receive)
        await self._application(scope, body.receive, send)
        if not body.is_over:
            with suppress(TimeoutError):
                await body.read_away()


class _Body:
    """Notes whether the body was received to its end, or its client left."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_over = False

    async def receive(self) -> dict[str, Any]:
        message = await self._receive()
        if not message.get("more_body"):
            self.is_over = True
        return message

    async def read_away(self) -> None:
        """Raises TimeoutError where it comes too slowly."""
        left = LINGER_BYTES
        async with asyncio.timeout(LINGER_SECONDS):
            while not self.is_over and left > 0:
                left -= len((await self.receive()).get("body", b""))
                await asyncio.sleep(0)  # what has come already is handed out without a pause


def _sends_a_body(scope: Mapping[str, Any]) -> bool:
    """Who announces one with `Expect` does not send it before being asked to."""
    if scope["type"] != "http":
        return False
    names = {name for name, _ in scope["headers"]}
    return bool(names & {b"content-length", b"transfer-encoding"}) and b"expect" not in names

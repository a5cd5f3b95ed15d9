"""Turns away bodies that are too large before they are read.

Django writes a whole body to disk before it looks at its size, whoever sent it. Nothing in the
product takes more than `DATA_UPLOAD_MAX_MEMORY_SIZE`, so the rest need not be received at all.
"""

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from router_app.api.errors import BodyTooLarge, body_of

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


class BodyLimit:
    """ASGI middleware: a body above `max_bytes` is answered with 413 in the API's error shape."""

    def __init__(self, application: Application, max_bytes: int) -> None:
        self._application = application
        self._max_bytes = max_bytes

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if _announced(scope) > self._max_bytes:
            await _too_large(send)
            return
        reader = _Reader(receive, self._max_bytes)
        await self._application(scope, reader.receive, send)
        if reader.is_over:
            await _too_large(send)


class _Reader:
    """Counts what is received; over the limit, the application is told that the client left."""

    def __init__(self, receive: Receive, max_bytes: int) -> None:
        self._receive = receive
        self._left = max_bytes
        self.is_over = False

    async def receive(self) -> dict[str, Any]:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                self.is_over = True
                return {"type": "http.disconnect"}
        return message


def _announced(scope: Mapping[str, Any]) -> int:
    value = dict(scope["headers"]).get(b"content-length", b"0")
    return int(value) if value.isdigit() else 0


async def _too_large(send: Send) -> None:
    error = BodyTooLarge()
    headers = [
        (b"content-type", b"application/json"),
        (b"x-request-id", str(uuid.uuid4()).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body_of(error)).encode()})

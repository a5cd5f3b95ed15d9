"""Replies, and writing them to a server."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from functools import lru_cache
from typing import Any

from router_app.api.amounts import encode
from router_app.api.errors import body_of
from router_app.api.v1.asgi import Send
from router_app.errors import RouterError
from router_app.records import Record

# A client that takes less than 64 KiB (what the server holds for it) in this time is too slow.
SLOWEST_WRITE_SECONDS = 30.0

JSON = {"content-type": "application/json", "cache-control": "no-store"}
STREAM = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_UNSENDABLE = re.compile(r"[^ -~]")


def _nothing() -> None: ...


class Reply(Record, frozen=True):
    """What a request is answered: a body in one piece, or in pieces as they come.

    `abandon` is called where the client leaves before the end.
    """

    UNSHOWN = frozenset({"body"})

    status: int
    headers: Mapping[str, str]
    body: bytes | AsyncGenerator[bytes]
    abandon: Callable[[], None] = _nothing


def json_reply(value: Any, headers: Mapping[str, str] | None = None, status: int = 200) -> Reply:
    """A value as JSON; amounts are what `amounts.usd` made."""
    return Reply(status, {**JSON, **(headers or {})}, encode(value))


def error_reply(error: RouterError) -> Reply:
    """An error in the shape that all errors have."""
    return json_reply(body_of(error), error.headers, error.status)


class TooSlow(Exception):
    """The client takes its answer more slowly than anybody can wait."""


async def write(
    reply: Reply,
    send: Send,
    more_headers: Iterable[tuple[bytes, bytes]] = (),
    *,
    without_body: bool = False,
) -> None:
    """Send a reply. Raises TooSlow where nobody reads it."""
    headers = [(_name(name), _value(text)) for name, text in reply.headers.items()]
    headers += (_NOSNIFF, *more_headers)
    if isinstance(reply.body, bytes):
        headers.append((b"content-length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if isinstance(reply.body, bytes):
        body = b"" if without_body else reply.body
        await send({"type": "http.response.body", "body": body})
    else:
        await _write_pieces(reply.body, send)


async def _write_pieces(pieces: AsyncGenerator[bytes], send: Send) -> None:
    clock = asyncio.get_running_loop().time
    limit = asyncio.timeout(None)  # one for all pieces: to make one costs more than to move it
    try:
        async with aclosing(pieces), limit:
            async for piece in pieces:
                limit.reschedule(clock() + SLOWEST_WRITE_SECONDS)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                limit.reschedule(None)
    except TimeoutError:
        if limit.expired():
            raise TooSlow from None
        raise
    await send({"type": "http.response.body", "body": b""})


@lru_cache(maxsize=256)  # there are some twenty
def _name(name: str) -> bytes:
    return name.lower().encode()


def _value(text: str) -> bytes:
    """A header's value: an id of a model may hold what no header can."""
    if text.isascii() and text.isprintable():
        return text.encode()
    return _UNSENDABLE.sub("?", text).encode()

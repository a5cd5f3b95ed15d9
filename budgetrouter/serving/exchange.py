"""One HTTP request and its reply, as ASGI's `receive` and `send`."""

import asyncio
from typing import Any, Protocol

from budgetrouter.serving.reply_head import Framing, head_of

HELD_BYTES = 64 * 1024  # of a body that nobody has read yet; then the client must wait
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_GONE = {"type": "http.disconnect"}


class Wire(Protocol):
    """What an exchange needs of its connection."""

    may_write: bool

    def write(self, data: bytes) -> None:
        """Send it, or throw it away where the client is gone."""

    def hold_back(self, holds: bool) -> None:
        """Let the client wait with its body, or go on."""

    def closes(self) -> bool:
        """Whether no further request is taken on this connection."""


class Exchange:
    """`feed` and `lose` are the connection's; the application has `receive` and `send`."""

    __slots__ = (
        "_body",
        "_framing",
        "_has_body",
        "_head",
        "_is_ended",
        "_left",
        "_loop",
        "_must_continue",
        "_told_end",
        "_waiters",
        "_wire",
        "is_lost",
        "is_whole",
        "keeps_alive",
        "scope",
    )

    def __init__(
        self, wire: Wire, scope: dict[str, Any], loop: asyncio.AbstractEventLoop, keeps_alive: bool
    ) -> None:
        self.scope = scope
        self.keeps_alive = keeps_alive  # after its reply
        self.is_whole = False  # all of its body has come
        self.is_lost = False  # its client is gone
        self._wire = wire
        self._loop = loop
        self._body = bytearray()
        self._told_end = False
        self._has_body = scope["method"] != "HEAD"
        self._must_continue = False
        self._head = b""
        self._framing: Framing | None = None
        self._left = 0
        self._is_ended = False
        self._waiters: list[asyncio.Future[None]] = []  # who receives, and who sends

    @property
    def has_begun(self) -> bool:
        """The head of its reply has left."""
        return self._framing is not None and not self._head

    @property
    def is_answered(self) -> bool:
        """Its reply is whole."""
        return self._is_ended and self._left == 0

    @property
    def ends_with_connection(self) -> bool:
        """Nothing but the connection's end says where its reply ends."""
        framing = self._framing
        return framing is not None and framing.length is None and not framing.chunked

    def wait_with_body(self) -> None:
        """The client sends its body only when it is told that it is wanted."""
        self._must_continue = True

    def feed(self, data: bytes) -> None:
        """A piece of the body."""
        self._body += data
        if len(self._body) > HELD_BYTES:
            self._wire.hold_back(True)
        self.wake()

    def end_body(self) -> None:
        """The body is whole."""
        self.is_whole = True
        self.wake()

    def lose(self) -> None:
        """The client is gone."""
        self.is_lost = True
        self.wake()

    def wake(self) -> None:
        """Something has changed that may be waited for."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def receive(self) -> dict[str, Any]:
        """ASGI's: the body as it comes, then the client's leaving."""
        if self._must_continue:
            self._must_continue = False
            if not self._body and not self.is_whole and self._framing is None:
                self._wire.write(CONTINUE)
        while not self.is_lost and (self._told_end or not (self._body or self.is_whole)):
            await self._news()
        if self.is_lost:
            return _GONE
        body, self._body = self._body, bytearray()
        if len(body) > HELD_BYTES:
            self._wire.hold_back(False)
        self._told_end = self.is_whole
        return {"type": "http.request", "body": bytes(body), "more_body": not self.is_whole}

    async def send(self, message: Any) -> None:
        """ASGI's. Raises RuntimeError for what is out of order, ValueError for what cannot be
        sent; waits while the client does not take what was sent before."""
        kind = message["type"]
        if kind == "http.response.body":
            self._send_body(message.get("body", b""), bool(message.get("more_body", False)))
        elif kind == "http.response.start":
            self._begin(message["status"], message.get("headers", ()))
        else:
            raise RuntimeError(f"there is no message {kind} here")
        while not (self._wire.may_write or self.is_lost):
            await self._news()
        if self.is_lost:
            await asyncio.sleep(0)  # else one that sends for ever could never be ended

    def _begin(self, status: int, fields: Any) -> None:
        if self._framing is not None:
            raise RuntimeError("this reply has begun already")
        version = self.scope["http_version"]
        closes = not self.keeps_alive or self._wire.closes()
        closes = closes or (self._must_continue and not self.is_whole)  # it will not be asked for
        framing = head_of(status, fields, version=version, has_body=self._has_body, closes=closes)
        self._framing = framing
        self._left = framing.length or 0
        self.keeps_alive = not framing.closes
        if framing.length is None:
            self._wire.write(framing.head)  # a stream: its first words may take a while
        else:
            self._head = framing.head  # in one piece with the body, which follows

    def _send_body(self, body: bytes, more: bool) -> None:
        framing = self._framing
        if framing is None or self._is_ended:
            raise RuntimeError("this is no time for a body")
        self._is_ended = not more
        if framing.chunked:
            body = _chunk(body, more)
        elif framing.length == 0:
            body = b""  # HEAD, or a status that has none
        elif framing.length is not None:
            if len(body) > self._left:
                raise RuntimeError("this reply is longer than it said")
            self._left -= len(body)
        if self._head:
            body, self._head = self._head + body, b""
        if body and not self.is_lost:
            self._wire.write(body)

    async def _news(self) -> None:
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            self._waiters.remove(waiter)


def _chunk(body: bytes, more: bool) -> bytes:
    end = b"" if more else b"0\r\n\r\n"
    return b"%x\r\n%b\r\n%b" % (len(body), body, end) if body else end

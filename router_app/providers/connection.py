"""One connection to a provider: HTTP/1.1 on an asyncio transport, one exchange after another.

httptools (llhttp) parses and decides where a body ends; this module keeps what came until it is
read, holds the sender back when that is much, and says whether the connection may be used again.
It never sends anything twice, follows nothing and unpacks nothing.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from router_app.providers import failures
from router_app.providers.base import ProviderFailure

MAX_HEAD_BYTES = 64 * 1024  # a head, or anything else that is no body
BUFFER_BYTES = 64 * 1024  # of a body that nobody has read yet; then the sender must wait


class Connection(asyncio.Protocol):
    """Begin an exchange with `send`, wait for its `head`, then `read` until b"".

    Waiting ends with TimeoutError at `until`, a time of the loop's clock. One timer serves all
    waits: it is moved only when it would ring too late, and looks again when it rings too early,
    because most waits are short and a timer for each would cost more than they.
    """

    __slots__ = (
        "_bare_bytes",
        "_chunks",
        "_failure",
        "_has_head",
        "_headers",
        "_held_bytes",
        "_is_complete",
        "_keeps_alive",
        "_loop",
        "_on_lost",
        "_parser",
        "_spoiled",
        "_timer",
        "_transport",
        "_until",
        "_waiter",
        "idle_since",
        "is_open",
        "status",
    )

    def __init__(self, on_lost: Callable[["Connection"], None]) -> None:
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport  # from connection_made on, before which nobody has us
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._until = 0.0
        self._chunks: list[bytes] = []
        self._held_bytes = 0
        self.idle_since = 0.0
        self.is_open = False
        self._spoiled = False  # something came that belongs to no exchange
        self._begin()
        self._is_complete = True  # nothing has been asked yet

    @property
    def is_reusable(self) -> bool:
        """The exchange ended as it should, was read to its end, and another may follow."""
        return (
            self._is_complete
            and not self._chunks
            and self._keeps_alive
            and self.is_open
            and not self._spoiled
            and not self._transport.get_write_buffer_size()
        )

    @property
    def is_complete(self) -> bool:
        """The whole answer is here."""
        return self._is_complete

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name."""
        return {
            name.decode("latin-1"): value.decode("latin-1") for name, value in self._headers.items()
        }

    @property
    def content_type(self) -> bytes:
        """The media type alone, in lower case."""
        return self._headers.get(b"content-type", b"").partition(b";")[0].strip().lower()

    @property
    def is_encoded(self) -> bool:
        """The body is compressed, though we asked for it as it is."""
        coding = self._headers.get(b"content-encoding")
        return coding is not None and coding.strip().lower() != b"identity"

    def send(self, request: bytes) -> None:
        """Begin an exchange with these bytes, head and body."""
        self._begin()
        self._transport.write(request)

    async def head(self, until: float) -> None:
        """Return once status and headers are there. Raises ProviderFailure, TimeoutError."""
        while not self._has_head:
            if self._failure is not None:
                raise self._failure
            await self._news(until)

    async def read(self, until: float) -> bytes:
        """All of the body that has come; b"" at its end. Raises ProviderFailure, TimeoutError.

        What came before a failure is handed out before it.
        """
        while not self._chunks:
            if self._is_complete:
                return b""
            if self._failure is not None:
                raise self._failure
            await self._news(until)
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if self._held_bytes > BUFFER_BYTES and self.is_open:
            self._transport.resume_reading()
        self._held_bytes = 0
        return data

    def rest(self) -> None:
        """The exchange is over; the connection waits for another."""
        self.idle_since = self._loop.time()

    def drop(self) -> None:
        """Close at once. Said again, it changes nothing."""
        self._stop_timer()
        self._chunks.clear()
        self._hang_up()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport, self.is_open = cast(asyncio.Transport, transport), True

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._is_complete:
            self._spoil()
            return
        self._bare_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._break_off("is not HTTP")
        else:
            if self._bare_bytes > MAX_HEAD_BYTES and not self._is_complete:
                self._break_off("has too large a head")
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone; that may be how a body ends."""
        self._stop_timer()
        del self._parser  # it knows us: without this only the collector could part the two
        self.is_open = False
        if not self._is_complete:
            if error is None and self._has_head and self._ends_with_connection():
                self._is_complete = True
            else:
                self._fail(failures.broken(_where(self._has_head)))
        self._wake()
        self._on_lost(self)

    def on_message_begin(self) -> None:
        """An answer begins; a second one was not asked for."""
        self._spoiled = self._spoiled or self._is_complete

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which says nothing to us."""
        if not self._has_head:
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The head is there, unless it only says that another will come."""
        status = self._parser.get_status_code()
        if self._is_complete or status < 200:
            return
        self.status, self._has_head = status, True
        self._keeps_alive = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self._is_complete:
            return
        self._bare_bytes = 0
        self._chunks.append(data)
        was_enough = self._held_bytes > BUFFER_BYTES
        self._held_bytes += len(data)
        if self._held_bytes > BUFFER_BYTES and not was_enough:
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The answer is whole; an interim one ("100 Continue") is none."""
        if self._has_head:
            self._is_complete = True
        else:
            self._headers.clear()

    def _begin(self) -> None:
        self.status = 0
        self._headers: dict[bytes, bytes] = {}
        self._failure: ProviderFailure | None = None
        self._has_head = self._is_complete = self._keeps_alive = False
        self._held_bytes = self._bare_bytes = 0

    def _ends_with_connection(self) -> bool:
        headers = self._headers
        chunked = headers.get(b"transfer-encoding", b"").lower().endswith(b"chunked")
        return b"content-length" not in headers and not chunked

    def _spoil(self) -> None:
        """What came belongs to no exchange: the answer before it stands, nothing follows it."""
        self._spoiled = True
        self._hang_up()

    def _break_off(self, fault: str) -> None:
        """What comes further makes no sense."""
        if self._is_complete:
            self._spoil()
        elif self._has_head:
            self._fail(failures.broken(_where(True)))
        else:
            self._fail(failures.garbage(f"the provider's answer {fault}"))
        self._hang_up()

    def _hang_up(self) -> None:
        self.is_open = False
        self._transport.abort()

    def _fail(self, failure: ProviderFailure) -> None:
        self._failure = self._failure or failure

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _news(self, until: float) -> asyncio.Future[None]:
        """Done when something has changed; at `until` it raises TimeoutError."""
        self._until = until
        timer = self._timer
        if timer is None or timer.when() > until:
            self._stop_timer()
            self._timer = self._loop.call_at(until, self._ring)
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def _ring(self) -> None:
        self._timer = None
        waiter = self._waiter
        if waiter is None or waiter.done():
            return  # nobody waits; who waits next sets the timer again
        if self._loop.time() >= self._until:
            waiter.set_exception(TimeoutError())
        else:
            self._timer = self._loop.call_at(self._until, self._ring)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _where(has_head: bool) -> str:
    if has_head:
        return "the connection broke in the middle of the answer"
    return "the provider closed the connection before it answered"

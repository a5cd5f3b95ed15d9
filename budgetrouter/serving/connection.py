"""A client's connection: HTTP/1.1 from a socket to the ASGI application, one request at a time.

Why not gunicorn's own protocol, or uvicorn's. Every request of every program comes through here, on
the one thread that everything else wants too: gunicorn's, in Python down to the byte, takes a tenth
of all a request costs. uvicorn's reads with llhttp as this does, but it takes heads without end,
and hangs up at the end of a reply though its client is still sending, who then never reads it.
llhttp knows the grammar and where a body ends; what is left out is what the product does not have:
HTTP/2, WebSockets, TLS, which a proxy does.
"""

import asyncio
import socket
import struct
from collections import deque
from contextlib import suppress
from typing import Any, cast

from budgetrouter.serving.exchange import Exchange
from budgetrouter.serving.reply_head import refusal
from budgetrouter.serving.request_head import BAD_REQUEST, Head, Refused, scope_of
from budgetrouter.serving.request_reader import RequestReader

LEAVING_SECONDS = 3.0  # what an application gets to notice that its client has left
MAX_WAITING = 500  # requests sent in advance: they take forty times the room of their bytes
LAST_WORD_SECONDS = 3.0  # what a client that is still sending gets to read why it was refused
# What is said in a turn of the loop leaves at its end, all replies together: to send the first one
# wakes whoever reads it, which costs several times what sending costs.
UNSENT_BYTES = 64 * 1024  # with more than that, at once
CLOSING_SECONDS = 30.0  # what one that is answered gets to take the rest
_RESET = struct.pack("ii", 1, 0)  # on, and for no time


class Connection(asyncio.Protocol):
    """Made by gunicorn's worker, whose `asgi` answers and whose settings hold.

    Requests that were sent in advance wait for their turn; while any does, nothing more is read.
    """

    def __init__(self, worker: Any) -> None:
        self.may_write = True
        self._worker = worker
        self._loop: asyncio.AbstractEventLoop = worker.loop
        self._transport: asyncio.Transport  # from connection_made on
        self._reader = RequestReader(self._take)
        self._is_open = False
        self._server = self._client = ("", 0)
        self._trusts_client = False
        self._current: Exchange | None = None  # whose reply is being made
        self._task: asyncio.Task[None] | None = None
        self._waiting: deque[Exchange] = deque()
        self._holds_back = False
        self._unsent = bytearray()
        self._idle_since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport, self._is_open = cast(asyncio.Transport, transport), True
        self._server = _address(transport.get_extra_info("sockname"))
        self._client = _address(transport.get_extra_info("peername"))
        trusted = self._worker.cfg.forwarded_allow_ips
        self._trusts_client = self._client[0] in trusted or "*" in trusted
        self._idle_since = self._loop.time()
        self._look_later(self._worker.cfg.keepalive)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        reader = self._reader
        while data and reader.refused is None and self._is_open:
            data = reader.read(data)
        if reader.refused is not None and self._is_open:
            self._stop_reading(reader.refused)

    def eof_received(self) -> None:
        """The client says no more, and is taken to have left: it gets what was said before that."""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._is_open, self.may_write = False, True
        if self._timer is not None:
            self._timer.cancel()
        self._reader.end()
        self._waiting.clear()
        if self._current is not None:
            self._current.lose()
        self._current = None  # it knows us, too
        if self._task is not None:
            self._loop.call_later(LEAVING_SECONDS, self._leave)

    def pause_writing(self) -> None:
        """More waits to be sent than a connection should hold."""
        self.may_write = False

    def resume_writing(self) -> None:
        """It was taken."""
        self.may_write = True
        if self._current is not None:
            self._current.wake()

    # What its exchanges call

    def write(self, data: bytes) -> None:
        """Send it with all that is said in this turn of the loop, or throw it away where the client
        is gone."""
        if not self._is_open:
            return
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent += data
        if len(self._unsent) > UNSENT_BYTES:
            self._send()

    def hold_back(self, holds: bool) -> None:
        """Let the client wait with its body, or go on."""
        self._holds_back = holds
        self._read_or_not()

    def closes(self) -> bool:
        """Whether no further request is taken on this connection: the server ends."""
        return not self._worker.alive

    # The rest

    def _take(self, head: Head) -> Exchange:
        """The exchange of one more request. Raises Refused."""
        if len(self._waiting) >= MAX_WAITING:
            raise Refused(BAD_REQUEST)
        scope = scope_of(
            head, server=self._server, client=self._client, trusts_client=self._trusts_client
        )
        exchange = Exchange(self, scope, self._loop, head.keeps_alive)
        if head.waits_with_body:
            exchange.wait_with_body()
        if self._current is None:
            self._begin(exchange)
        else:
            self._waiting.append(exchange)
            self._read_or_not()
        return exchange

    def _stop_reading(self, status: int) -> None:
        """What came makes no sense. Whoever asked before is answered; who is cut in it, is not."""
        broken, self._reader.receiving = self._reader.receiving, None
        if broken is not None and broken is self._current:
            if broken.is_answered:
                self._close_while_reading()
            elif broken.has_begun:
                self._hang_up()
            else:
                self._refuse(status)
            broken.lose()
            return
        if broken is not None:
            self._waiting.remove(broken)
        self.hold_back(True)
        if self._current is None:
            self._refuse(status)

    def _send(self) -> None:
        if self._unsent and self._is_open:
            unsent, self._unsent = self._unsent, bytearray()
            self._transport.write(unsent)

    def _begin(self, exchange: Exchange) -> None:
        self._current = exchange
        self._task = self._loop.create_task(self._answer(exchange))

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self._worker.asgi(exchange.scope, exchange.receive, exchange.send)
        except asyncio.CancelledError:
            self._hang_up()  # also how an application drops a client that is too slow
            raise
        except Exception:
            self._worker.log.exception("Error in ASGI application")
            exchange.keeps_alive = False
        finally:
            self._task = None
        self._follow(exchange)

    def _follow(self, exchange: Exchange) -> None:
        """What comes after an exchange: the next, a pause, or the end of the connection."""
        if not exchange.has_begun:
            self._refuse(500)
        elif not exchange.is_answered:
            self._hang_up()  # half a reply must not look like a whole one
        elif not exchange.is_whole:
            self._close_while_reading()
        elif not exchange.keeps_alive or self.closes():
            self._close()
        elif self._waiting:
            self._begin(self._waiting.popleft())
            self.hold_back(self._reader.refused is not None)
        elif self._reader.refused is not None:
            self._refuse(self._reader.refused)
        else:
            self._current = None
            self._idle_since = self._loop.time()
            if self._holds_back:
                self.hold_back(False)  # a body that nobody read is gone with its exchange

    def _refuse(self, status: int) -> None:
        self.write(refusal(status))
        self._close_while_reading()

    def _close_while_reading(self) -> None:
        """What still comes is thrown away for a while: a reset would take our last word with it."""
        if self._is_open:
            self._send()
            self._is_open = False
            self._waiting.clear()
            self.hold_back(False)
            with suppress(OSError, RuntimeError):  # it is closing
                self._transport.write_eof()
            self._drop_later(LAST_WORD_SECONDS)

    def _close(self) -> None:
        """Once all that was written is sent."""
        if self._is_open:
            self._send()
            self._is_open = False
            self._transport.close()
            self._drop_later(CLOSING_SECONDS)

    def _hang_up(self) -> None:
        if self._is_open:
            self._send()
            self._is_open = False
            if self._current is not None and self._current.ends_with_connection:
                with suppress(OSError, RuntimeError):  # a proper end would look like the reply's
                    socket_ = self._transport.get_extra_info("socket")
                    socket_.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()

    def _drop_later(self, seconds: float) -> None:
        """Instead of looking whether it is idle; the end of the connection comes before, mostly."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._transport.abort)

    def _leave(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _read_or_not(self) -> None:
        with suppress(RuntimeError):  # it is closing
            if self._holds_back or self._waiting:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _look_later(self, seconds: float) -> None:
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Close what has been idle for too long. A timer for each pause would cost more."""
        left = self._worker.cfg.keepalive
        if self._current is None:
            left -= self._loop.time() - self._idle_since
            if left <= 0:
                self._close()
                return
        self._look_later(left)


def _address(given: Any) -> tuple[str, int]:
    """Host and port; of a socket that has none, nothing."""
    return (given[0], given[1]) if isinstance(given, tuple) else ("", 0)

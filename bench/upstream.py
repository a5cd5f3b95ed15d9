"""A fake OpenAI-compatible provider, fast enough never to be the bottleneck.

    python -m bench.upstream --port 9100 --delay-ms 50 --chunks 20

It answers `POST …/chat/completions` whole or streamed, and `GET …/models`, under any prefix. What
it waits, before an answer and between chunks, may be changed while it runs:
`POST /behaviour?delay_ms=0&chunks=20&chunk_delay_ms=5`; `GET /behaviour` says how many it answered.
"""

import argparse
import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qs, urlsplit

from bench import wire

MAX_HEAD_BYTES = 64 * 1024


@dataclass(slots=True)
class Behaviour:
    """What every connection does; seconds."""

    delay: float = 0.0
    chunks: int = wire.DEFAULT_CHUNKS
    chunk_delay: float = 0.0
    answered: int = 0

    def change(self, query: str) -> None:
        """Take the values of a query string. Raises ValueError."""
        values = {name: float(given[-1]) for name, given in parse_qs(query).items()}
        self.delay = values.get("delay_ms", self.delay * 1000) / 1000
        self.chunk_delay = values.get("chunk_delay_ms", self.chunk_delay * 1000) / 1000
        self.chunks = int(values.get("chunks", self.chunks))


class Connection(asyncio.Protocol):
    """One client. Requests that come while one is being answered wait in the buffer."""

    def __init__(self, behaviour: Behaviour, loop: asyncio.AbstractEventLoop) -> None:
        self._behaviour = behaviour
        self._loop = loop
        self._buffer = b""
        self._timer: asyncio.Handle | None = None
        self._keep = True
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by descent

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if self._timer is None:
            self._next()

    def _next(self) -> None:
        """Answer what stands in the buffer, until an answer has to wait or more must come."""
        while self._timer is None and self._buffer:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > MAX_HEAD_BYTES:
                    self._transport.close()
                return
            found = request_body(self._buffer, end)
            if found is None:
                return
            body, used = found
            head, self._buffer = self._buffer[:end], self._buffer[used:]
            self._keep = b"connection: close" not in head.lower()
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        method, _, rest = head.partition(b" ")
        target = rest.partition(b" ")[0]
        if method == b"POST" and target.endswith(b"/chat/completions"):
            self._complete(body)
        elif target.endswith(b"/models"):
            self._end(wire.models())
        elif target.startswith(b"/behaviour"):
            self._behave(method, urlsplit(target.decode("latin-1")).query)
        else:
            self._end(wire.error(404, "no such address"))

    def _behave(self, method: bytes, query: str) -> None:
        try:
            if method == b"POST":
                self._behaviour.change(query)
        except ValueError:
            self._end(wire.error(400, "not a number"))
        else:
            self._end(wire.reply(200, {"answered": self._behaviour.answered}))

    def _complete(self, body: bytes) -> None:
        asked = wire.asks_for(body)
        if asked is None:
            self._end(wire.error(400, "not a chat completion request"))
            return
        streamed = asked[1]
        send = self._start_stream if streamed else self._send_whole
        if self._behaviour.delay > 0:
            self._timer = self._loop.call_later(self._behaviour.delay, self._late, send, body)
        else:
            send(body)

    def _late(self, send: Callable[[bytes], None], body: bytes) -> None:
        self._timer = None
        send(body)
        self._next()

    def _send_whole(self, body: bytes) -> None:
        self._behaviour.answered += 1
        first, rest = wire.whole(body, self._behaviour.chunks)
        self._end(first + b"%012d" % self._behaviour.answered + rest)

    def _start_stream(self, body: bytes) -> None:
        head, parts = wire.stream(body, self._behaviour.chunks)
        self._part(head + parts[0], parts, 1)

    def _part(self, data: bytes, parts: tuple[bytes, ...], following: int) -> None:
        """Send a part, and the next one after the delay; each in a write of its own."""
        self._timer = None
        if following == len(parts):
            self._behaviour.answered += 1
            self._end(data)
            self._next()
            return
        self._transport.write(data)
        self._timer = self._loop.call_later(
            self._behaviour.chunk_delay, self._part, parts[following], parts, following + 1
        )

    def _end(self, data: bytes) -> None:
        self._transport.write(data)
        if not self._keep:
            self._buffer = b""
            self._transport.close()


def request_body(buffer: bytes, end_of_head: int) -> tuple[bytes, int] | None:
    """A request's body and where the next request begins; None until all of it is there."""
    head = buffer[:end_of_head].lower()
    start = end_of_head + 4
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        value = head[at + 17 :].partition(b"\r\n")[0]
        used = start + int(value)
        return (buffer[start:used], used) if len(buffer) >= used else None
    if b"\r\ntransfer-encoding:" in head:
        return _unchunked(buffer, start)
    return b"", start


def _unchunked(buffer: bytes, start: int) -> tuple[bytes, int] | None:
    body = b""
    while (line := buffer.find(b"\r\n", start)) >= 0:
        size = int(buffer[start:line].partition(b";")[0], 16)
        start = line + 2 + size + 2
        if len(buffer) < start:
            return None
        if size == 0:
            return body, start
        body += buffer[line + 2 : start - 2]
    return None


async def serve(host: str, port: int, behaviour: Behaviour) -> None:
    """Serve until SIGTERM or Ctrl-C; says on standard output when it listens."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(lambda: Connection(behaviour, loop), host, port, backlog=1024)
    print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
    await ended.wait()
    server.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="A fake OpenAI-compatible provider.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="before an answer")
    parser.add_argument("--chunks", type=int, default=wire.DEFAULT_CHUNKS, help="of a stream")
    parser.add_argument("--chunk-delay-ms", type=float, default=0.0, help="between chunks")
    given = parser.parse_args()
    behaviour = Behaviour(given.delay_ms / 1000, given.chunks, given.chunk_delay_ms / 1000)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(given.host, given.port, behaviour))


def loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    """uvloop's loop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: type[asyncio.AbstractEventLoop] = uvloop.Loop
    return factory


if __name__ == "__main__":
    main()

"""An upstream that misbehaves on demand and keeps its own bill.

A real server on a real socket, in a thread of its own, so that sync tests, async tests and live
servers can use it alike:

    with HostileUpstream() as upstream:
        endpoint = Endpoint("groq", upstream.url("half_body"))   # one behaviour by its path
        upstream.behave("busy", "answers")                       # or a queue, for upstream.url()

What it does is in `behaviours/`, by name. Alone: `python -m tests.providers.hostile --help`.
"""

import argparse
import asyncio
import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.providers import behaviours
from tests.providers.behaviours.table import Behaviour
from tests.providers.exchange import ClientLeft, Exchange, Received, read_request


@dataclass(frozen=True, slots=True)
class Billed:
    """A line of the upstream's bill: what it would ask money for."""

    request_id: str
    model: str
    input_tokens: int
    output_tokens: int
    behaviour: str


@dataclass(slots=True)
class HostileUpstream:
    """Use as a context manager. Lists may be read from any thread."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    received: list[Received] = field(default_factory=list)
    bill: list[Billed] = field(default_factory=list)
    left_early: list[str] = field(default_factory=list)  # behaviours whose client hung up
    open_connections: int = 0
    connections_made: int = 0
    faults: list[str] = field(default_factory=list)  # of this server itself: must stay empty
    _queue: deque[str] = field(default_factory=lambda: deque(["answers"]))
    _said: Behaviour | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _free: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, behaviour: str = "") -> str:
        """A base URL; without a name the queue of `behave` decides."""
        if behaviour and behaviour not in behaviours.BY_NAME:
            raise KeyError(behaviour)
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}/{behaviour or 'v1'}"

    def behave(self, *names: str) -> None:
        """What the next requests to `url()` get, one after another; the last one for ever."""
        assert set(names) <= set(behaviours.BY_NAME), names
        self._queue = deque(names)

    def say(self, behaviour: Behaviour) -> None:
        """The same with one that has no name."""
        self._said = behaviour

    def hold(self) -> None:
        """Let no request be answered until `let_go`."""
        self._call(self._free.clear)

    def let_go(self) -> None:
        """Answer what is held, and all that comes."""
        self._call(self._free.set)

    def wait_until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Block until `condition()`; for sync tests. Fails the test when time is up."""
        ends = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < ends, "the condition never came true"
            time.sleep(0.005)

    async def eventually(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """The same for async tests."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)

    def __enter__(self) -> Self:
        listening = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        self.port = listening.getsockname()[1]
        self._free.set()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(listening, ready), daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call(self._loop.stop)
        assert self._thread
        self._thread.join()

    def _call(self, work: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(work)

    def _run(self, listening: socket.socket, ready: threading.Event) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(
            asyncio.start_server(self._connected, sock=listening, ssl=self.tls)
        )
        ready.set()
        loop.run_forever()
        server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        loop.run_until_complete(asyncio.sleep(0))  # aborted transports close one turn later
        loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.open_connections += 1
        self.connections_made += 1
        # Without it small writes wait 40 ms for an acknowledgement: asyncio sees no TCP here.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while await self._answer(reader, writer):
                pass
        except asyncio.CancelledError:
            pass  # the server stops
        except Exception as error:
            self.faults.append(repr(error))
        finally:
            self.open_connections -= 1
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request. True if the connection stays open for another."""
        request = await read_request(reader, number=len(self.received) + 1)
        if request is None:
            return False
        self.received.append(request)
        name = self._name(request)
        await self._free.wait()
        exchange = Exchange(request, reader, writer)
        try:
            await (self._said or behaviours.BY_NAME[name])(exchange)
        except (ClientLeft, ConnectionError):
            self.left_early.append(name)
            return False
        finally:
            self._charge(name, exchange)
        return exchange.keeps_open

    def _name(self, request: Received) -> str:
        name = request.path.strip("/").partition("/")[0]
        if name in behaviours.BY_NAME:
            return name
        return self._queue.popleft() if len(self._queue) > 1 else self._queue[0]

    def _charge(self, name: str, exchange: Exchange) -> None:
        if exchange.is_billed:
            request = exchange.request
            line = Billed(
                request.id, request.model, behaviours.INPUT_TOKENS, exchange.tokens_made, name
            )
            self.bill.append(line)


def dead_url() -> str:
    """A base URL where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


def main(arguments: list[str] | None = None) -> None:
    """Serve until Ctrl-C; print the bill as JSON lines at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.providers.hostile", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--behaviour", default="answers", choices=sorted(behaviours.BY_NAME))
    options: Any = parser.parse_args(arguments)
    with HostileUpstream(port=options.port) as upstream:
        upstream.behave(options.behaviour)
        print(upstream.url(), flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            for line in upstream.bill:
                print(json.dumps({name: getattr(line, name) for name in line.__slots__}))


if __name__ == "__main__":
    main()

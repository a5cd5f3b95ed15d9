"""Stands between a client and a server of TCP, and does to their line what networks do."""

import asyncio
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

CHUNK = 64 * 1024


class Between:
    """Use as a context manager; `port` is where clients connect instead."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._refuses = False
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self.port = 0

    def hang(self) -> None:
        """Connections are made and kept, and nothing passes: not even a refusal."""
        self._call(self._flows.clear)

    def cut(self) -> None:
        """Every connection breaks, and new ones break as soon as they are made."""
        self._refuses = True
        self._call(self._break)

    def heal(self) -> None:
        """All is well again; what was held back arrives."""
        self._refuses = False
        self._call(self._flows.set)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call(self._loop.stop)
        self._thread.join()

    def _call(self, work: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(work)

    def _break(self) -> None:
        for task in self._connections:
            task.cancel()

    def _run(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = listening.getsockname()[1]
        self._flows.set()
        server = loop.run_until_complete(asyncio.start_server(self._connected, sock=listening))
        self._ready.set()
        loop.run_forever()
        server.close()
        self._break()
        if self._connections:
            loop.run_until_complete(asyncio.gather(*self._connections, return_exceptions=True))
        loop.run_until_complete(asyncio.sleep(0))  # aborted transports close one turn later
        loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        there = None
        try:
            if not self._refuses:
                await self._flows.wait()
                back, there = await asyncio.open_connection(*self._target)
                await asyncio.gather(self._pass_on(reader, there), self._pass_on(back, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            for end in (writer, there):
                if end is not None:
                    end.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError  # one end has left: so does the other

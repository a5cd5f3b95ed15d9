"""A receiver on loopback that answers as told, and what came of sending to it."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from router_app.webhooks.delivery import Limits, deliver
from router_app.webhooks.message import Message
from router_app.webhooks.outcome import Outcome

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type": "budget.threshold", "percent": 80}'
PATIENT = Limits(connect=20.0, total=20.0)
SHORT = Limits(connect=0.3, total=0.3)


@dataclass(frozen=True, slots=True)
class Posted:
    """A request as it came in. Header names are in lower case."""

    line: str
    headers: Mapping[str, str]
    names: Sequence[str]  # of the headers, in order, repeated ones too
    body: bytes


@dataclass(slots=True)
class Receiver:
    """Use as an async context manager; its end waits until nobody is connected or does anything."""

    answer: Answer
    tls: ssl.SSLContext | None = None
    port: int = 0
    connections: int = 0
    posted: list[Posted] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)  # of the receiver itself
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", self.port, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server
        self._server.close()
        async with asyncio.timeout(20):  # whoever is not hung up on would wait for ever
            while asyncio.all_tasks() != {asyncio.current_task()}:
                await asyncio.sleep(0.001)
        assert self.faults == []

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            self.posted.append(await _read(reader))
            await self.answer(reader, writer)
            await reader.read()  # until the sender hangs up
        except (asyncio.IncompleteReadError, OSError, RuntimeError):
            pass  # the sender has left; the last one is how uvloop says it
        except Exception as error:
            self.faults.append(error)
        finally:
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Posted:
    line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = [(name.lower(), value) for name, _, value in (each.partition(": ") for each in lines)]
    headers = dict(pairs[:-2])
    body = await reader.readexactly(int(headers["content-length"]))
    return Posted(line, headers, [name for name, _ in pairs[:-2]], body)


def says(answer: str | bytes) -> Answer:
    """These bytes, in which line ends are HTTP's."""
    data = answer if isinstance(answer, bytes) else answer.replace("\n", "\r\n").encode()

    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return write


def repeats(data: bytes, *, first: bytes = b"", every: float = 0.0) -> Answer:
    """`first`, and then `data` until the sender has had enough."""

    async def write(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while not reader.at_eof():
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(every)

    return write


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Nothing is said."""
    writer.close()


async def is_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Nothing is said, and the connection stays."""


@dataclass(slots=True)
class Names:
    """A resolver that is asked in vain about anything but what it was told, answer after answer."""

    answers: list[Sequence[str]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0)


HERE = ("127.0.0.1",)


def a_message(url: str, **more: Any) -> Message:
    """One that nothing is wrong with, but maybe its URL."""
    return Message(**{"id": "msg_1", "url": url, "secret": SECRET, "body": BODY, **more})


def send(
    answer: Answer,
    *,
    url: str = "http://hook.example:{port}/in",
    tls: ssl.SSLContext | None = None,
    times: int = 1,
    run_in: Any = asyncio.run,
    **more: Any,
) -> tuple[list[Outcome], Receiver]:
    """Send `times` messages to a receiver with this answer."""

    async def run() -> tuple[list[Outcome], Receiver]:
        known = {"limits": PATIENT, "allow_loopback": True, "resolver": Names([HERE] * times)}
        async with Receiver(answer, tls) as receiver:
            message = a_message(url.format(port=receiver.port))
            outcomes = [await deliver(message, **{**known, **more}) for _ in range(times)]
        return outcomes, receiver

    return run_in(run())

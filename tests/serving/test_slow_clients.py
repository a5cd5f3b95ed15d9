"""Clients that do not read what they asked for."""

import asyncio
import socket

import pytest

from budgetrouter.serving import slow_clients
from budgetrouter.serving.slow_clients import DropsSlowClients
from budgetrouter.serving.worker import Connection

SECONDS = 30
MUCH = b"x" * 32 * 1024 * 1024  # more than the system holds for a connection


class Base(asyncio.Protocol):
    """What a server does with a connection; `told` is what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.told.append("made")
        transport.write(MUCH)
        transport.close()  # waits until all has been taken

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")
        self.over.set()


class Patient(DropsSlowClients, Base):
    pass


def told_of(
    seconds: float, *, reads: bool, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[str], int]:
    """What the server was told of a client, and how much that client got."""
    monkeypatch.setattr(slow_clients, "SLOWEST_READ_SECONDS", seconds)

    async def story() -> tuple[list[str], int]:
        loop, connection = asyncio.get_running_loop(), Patient()
        server = await loop.create_server(lambda: connection, "127.0.0.1", 0)
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            got = await asyncio.to_thread(_read, client) if reads else 0
            async with asyncio.timeout(SECONDS):
                await connection.over.wait()
        server.close()
        return connection.told, got

    return asyncio.run(story())


def _read(client: socket.socket) -> int:
    got = 0
    while data := client.recv(1 << 20):
        got += len(data)
    return got


def test_who_does_not_read_is_dropped_though_the_connection_is_being_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told, _ = told_of(0.05, reads=False, monkeypatch=monkeypatch)

    assert told == ["made", "pause", "lost"]


def test_who_reads_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    told, got = told_of(SECONDS, reads=True, monkeypatch=monkeypatch)

    assert got == len(MUCH)
    assert told[:2] == ["made", "pause"]
    assert told[-1] == "lost"


def test_the_server_uses_it() -> None:
    from gunicorn.workers import gasgi  # type: ignore[import-untyped]

    assert gasgi.ASGIProtocol is Connection
    assert issubclass(Connection, DropsSlowClients)

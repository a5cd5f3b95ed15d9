"""The engine lives as long as the server does."""

import asyncio
from typing import Any

import pytest

from budgetrouter import asgi


class NotedEngine:
    def __init__(self) -> None:
        self.noted: list[str] = []

    def startup(self, loop: asyncio.AbstractEventLoop) -> None:
        assert loop is asyncio.get_running_loop()
        self.noted.append("startup")

    async def shutdown(self, grace_seconds: float) -> None:
        assert 0 < grace_seconds < 30
        self.noted.append("shutdown")


def test_it_starts_and_ends_with_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = NotedEngine()
    monkeypatch.setattr(asgi, "engine", engine)

    async def live() -> None:
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        outgoing: asyncio.Queue[Any] = asyncio.Queue()
        life = asyncio.create_task(
            asgi.application({"type": "lifespan"}, incoming.get, outgoing.put)
        )
        await incoming.put({"type": "lifespan.startup"})
        assert (await outgoing.get())["type"] == "lifespan.startup.complete"
        assert engine.noted == ["startup"]
        await incoming.put({"type": "lifespan.shutdown"})
        assert (await outgoing.get())["type"] == "lifespan.shutdown.complete"
        await life

    asyncio.run(live())
    assert engine.noted == ["startup", "shutdown"]

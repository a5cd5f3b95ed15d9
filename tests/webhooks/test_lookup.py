"""Looking names up: by the system's resolver, in threads that hold nobody up."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from router_app.webhooks import lookup
from router_app.webhooks.delivery import deliver_now
from router_app.webhooks.lookup import look_up
from router_app.webhooks.outcome import Kind
from tests.webhooks.receiver import SHORT, a_message


def test_this_machines_own_name() -> None:
    assert "127.0.0.1" in asyncio.run(look_up("localhost"))


def test_a_name_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "SECRET no such host")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    outcome = deliver_now(a_message("https://hook.example/"))
    assert (outcome.kind, outcome.retry) == (Kind.DNS, True)
    assert outcome.sentence == "The host name leads nowhere."


class StuckResolver:
    """Answers nobody until it is freed."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.threads: list[threading.Thread] = []

    def __call__(self, *_: object, **__: object) -> list[Any]:
        self.threads.append(threading.current_thread())
        self.free.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 0))]

    def join(self) -> None:
        """Wait until nobody asks any more."""
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[StuckResolver]:
    resolver = StuckResolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver
    resolver.free.set()


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_name_server_that_never_answers_does_not_keep_the_caller(stuck: StuckResolver) -> None:
    outcome = deliver_now(a_message("https://hook.example/"), limits=SHORT)
    assert (outcome.kind, outcome.retry) == (Kind.TIMEOUT, True)
    assert not stuck.free.is_set()  # we are here although the look-up is not over
    stuck.free.set()
    stuck.join()


def test_only_so_many_look_ups_wait_at_once(
    stuck: StuckResolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = threading.BoundedSemaphore(1)
    monkeypatch.setattr(lookup, "_places", places)

    async def run() -> None:
        first = asyncio.create_task(look_up("a.example"))
        await asyncio.sleep(0)
        with pytest.raises(OSError, match="too many"):
            await look_up("b.example")
        stuck.free.set()
        assert await first == ["10.0.0.1"]
        assert await look_up("b.example") == ["10.0.0.1"]

    asyncio.run(run())
    assert places.acquire(blocking=False)


def test_a_look_up_that_failed_makes_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    places = threading.BoundedSemaphore(1)
    monkeypatch.setattr(lookup, "_places", places)
    for _ in range(3):
        with pytest.raises(OSError) as raised:
            asyncio.run(look_up("nowhere.invalid"))
        assert "too many" not in str(raised.value)

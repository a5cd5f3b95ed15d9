"""The loop waits while the statements of a batch run, and never for long."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from django.db import connection

from router_app.gateway import standing_aside as module
from router_app.gateway.writer import Writer

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 10  # more than anything here takes
Operation = Callable[[], bool]


@pytest.fixture(autouse=True)
def _sqlite() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("on PostgreSQL the loop goes on while statements travel")


def in_one_batch(*makers: Callable[[asyncio.AbstractEventLoop], Operation]) -> list[bool]:
    """What the operations return, done together while the loop has nothing else to do."""
    writer, stands, go = Writer(), threading.Event(), threading.Event()

    def stand_still() -> None:
        stands.set()
        go.wait(SECONDS)

    async def ask() -> list[bool]:
        loop = asyncio.get_running_loop()
        before = writer.submit(stand_still)
        assert stands.wait(SECONDS)
        done = [writer.run(make(loop)) for make in makers]
        go.set()
        before.result(SECONDS)
        async with asyncio.timeout(SECONDS):
            return await asyncio.gather(*done)

    try:
        return asyncio.run(ask())
    finally:
        writer.stop()


def does_the_loop_turn(seconds: float) -> Callable[[asyncio.AbstractEventLoop], Operation]:
    """An operation that waits for the loop's next turn; whether that came."""

    def made(loop: asyncio.AbstractEventLoop) -> Operation:
        turned = threading.Event()

        def look() -> bool:
            loop.call_soon_threadsafe(turned.set)
            return turned.wait(seconds)

        return look

    return made


def quick(_loop: asyncio.AbstractEventLoop) -> Operation:
    return lambda: True


def test_the_loop_waits_for_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_SECONDS", SECONDS)
    assert in_one_batch(does_the_loop_turn(0.1), quick) == [False, True]


def test_not_for_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_SECONDS", 0.01)
    assert in_one_batch(does_the_loop_turn(SECONDS), quick) == [True, True]


def test_not_for_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_SECONDS", SECONDS)
    assert in_one_batch(does_the_loop_turn(SECONDS)) == [True]


def test_it_goes_on_where_a_batch_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_SECONDS", 2 * SECONDS)

    def fails(_loop: asyncio.AbstractEventLoop) -> Operation:
        def fail() -> bool:
            raise ValueError("no")

        return fail

    with pytest.raises(ValueError, match="no"):
        in_one_batch(fails, quick)


def test_a_closed_loop_is_left_alone() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    with module.standing_aside(loop):
        pass

"""The writer thread: what waits is committed together, and its end loses nothing."""

import threading
from concurrent.futures import Future
from typing import Any

import pytest
from django.db import InternalError

from router_app.errors import Unavailable
from router_app.gateway import writer as module
from router_app.gateway.jobs import Job
from router_app.gateway.writer import Writer
from router_app.models import User
from tests.factories import make_conversation

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 10  # more than anything here takes


@pytest.fixture
def held() -> Any:
    """A writer whose thread stands still until the event is set."""
    writer, go, stands = Writer(), threading.Event(), threading.Event()

    def stand_still() -> None:
        stands.set()
        go.wait(SECONDS)

    writer.submit(stand_still)
    assert stands.wait(SECONDS)
    yield writer, go
    go.set()
    writer.stop()


def a_title(user: User, title: str) -> Any:
    return lambda: make_conversation(user, title=title)


def test_one_that_fails_does_not_harm_its_neighbours(
    alice: User, held: tuple[Writer, threading.Event]
) -> None:
    writer, go = held

    def fails() -> None:
        make_conversation(alice, title="never")
        raise ValueError("no")

    first = writer.submit(a_title(alice, "first"))
    failed: Future[None] = writer.submit(fails)
    last = writer.submit(a_title(alice, "last"))
    go.set()

    first.result(SECONDS)
    last.result(SECONDS)
    with pytest.raises(ValueError, match="no"):
        failed.result(SECONDS)
    assert set(alice.conversations.values_list("title", flat=True)) == {"first", "last"}


def test_stop_finishes_what_is_in_line(alice: User, held: tuple[Writer, threading.Event]) -> None:
    writer, go = held
    waiting = writer.submit(a_title(alice, "in line"))

    go.set()
    writer.stop()

    assert waiting.done() and alice.conversations.get().title == "in line"


def test_what_comes_while_it_stops_is_done_and_the_stop_ends(
    alice: User, held: tuple[Writer, threading.Event]
) -> None:
    writer, go = held
    stopping = threading.Thread(target=writer.stop, daemon=True)
    stopping.start()
    while writer._thread is not None:  # until the stop has begun
        stopping.join(0.001)

    late = writer.submit(a_title(alice, "late"))
    go.set()
    late.result(SECONDS)
    stopping.join(SECONDS)

    assert not stopping.is_alive()
    assert alice.conversations.get().title == "late"


def test_a_full_line_is_an_overload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    writer = Writer()
    writer._thread = threading.current_thread()  # so none is started, and the line stays full
    writer.submit(lambda: None)
    writer.submit(lambda: None)

    with pytest.raises(Unavailable):
        writer.submit(lambda: None)
    assert writer.waiting == 2


class ClosingLoop:
    """A loop that is closed between the look and the call."""

    def is_closed(self) -> bool:
        return False

    def call_soon_threadsafe(self, *_: object) -> None:
        raise RuntimeError("Event loop is closed")


def test_a_loop_that_closes_just_now_does_not_end_the_thread(
    alice: User, held: tuple[Writer, threading.Event]
) -> None:
    writer, go = held
    gone = Job(a_title(alice, "nobody is told"))
    gone.loop = ClosingLoop()  # type: ignore[assignment]
    writer._put(gone)
    last = writer.submit(a_title(alice, "last"))
    go.set()

    last.result(SECONDS)
    writer.submit(a_title(alice, "later")).result(SECONDS)
    assert alice.conversations.count() == 3


def test_what_gave_up_waiting_just_now_does_not_end_the_thread(
    alice: User, held: tuple[Writer, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, go = held
    left = writer.submit(a_title(alice, "nobody is told"))
    last = writer.submit(a_title(alice, "last"))
    assert left.cancel()
    monkeypatch.setattr(left, "done", lambda: False)  # as it looked a moment before
    go.set()

    last.result(SECONDS)
    assert alice.conversations.count() == 2


def test_a_database_that_only_reads_for_a_while_is_waited_for(
    alice: User, held: tuple[Writer, threading.Event]
) -> None:
    # As PostgreSQL's stand-by does until it has taken over.
    writer, go = held
    failures = iter([True, True])

    def reads_only() -> str:
        if next(failures, False):
            raise InternalError("cannot execute INSERT in a read-only transaction")
        return "done"

    future = writer.submit(reads_only)
    go.set()
    assert future.result(SECONDS) == "done"

"""The connection breaks in the very moment of a commit: it is on disk, and nobody was told."""

import asyncio
import threading
import uuid
from collections.abc import Callable

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from router_app.analytics.usage_rebuild import total_differences
from router_app.gateway.asked import Asked, Attempt, Sizes
from router_app.gateway.booking import admitting
from router_app.gateway.requests import Admission
from router_app.gateway.writer import Writer
from router_app.models import Call, Conversation, LedgerEntry, Reservation, User, Window
from tests.factories import make_conversation
from tests.gateway.asking import a_request
from tests.gateway.batching import SECONDS, Batch, admitted
from tests.gateway.books import assert_clean, assert_nothing_held

pytestmark = pytest.mark.django_db(transaction=True)

Breaks = Callable[[], None]


@pytest.fixture
def breaks(monkeypatch: pytest.MonkeyPatch) -> Breaks:
    """An operation after which the commit it is in is done and the connection is lost, once."""
    armed = threading.Event()
    once = iter([True])
    commit = BaseDatabaseWrapper._commit

    def commit_and_break(self: BaseDatabaseWrapper) -> None:
        commit(self)
        if armed.is_set():
            armed.clear()
            raise OperationalError("server closed the connection unexpectedly")

    def arm() -> None:
        if next(once, False):
            armed.set()

    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", commit_and_break)
    return arm


def test_an_admission_is_not_made_twice(alice: User, batches: list[Batch], breaks: Breaks) -> None:
    batch = Batch()
    batches.append(batch)
    batch.do(breaks)
    futures = [batch.ask(a_request(alice)) for _ in range(2)]
    batch.go()

    outcomes = [future.result(SECONDS)[0] for future in futures]

    held = set(Reservation.objects.values_list("pk", flat=True))
    assert held == {outcome.reservation_id for outcome in outcomes}
    assert Window.objects.get().reserved_nanos == sum(each.reserved_nanos for each in outcomes)
    assert Call.objects.count() == 2
    assert_clean()


def test_nor_what_is_recorded_with_it(alice: User, batches: list[Batch], breaks: Breaks) -> None:
    ids: list[uuid.UUID] = []

    def record(_: object) -> uuid.UUID:
        ids.append(make_conversation(alice, title="asked").pk)
        return ids[-1]

    batch = Batch()
    batches.append(batch)
    batch.do(breaks)
    future = batch.ask(a_request(alice), record)
    batch.go()

    admission, message_id = future.result(SECONDS)
    assert isinstance(admission, Admission)
    assert message_id == Conversation.objects.get().pk


def test_an_end_is_booked_once(alice: User, batches: list[Batch], breaks: Breaks) -> None:
    (admission,) = admitted(batches, a_request(alice))
    batch = Batch()
    batches.append(batch)
    batch.do(breaks)
    future = batch.close(admission)
    batch.go()

    closed = future.result(SECONDS)

    call = Call.objects.get()
    assert closed.cost_nanos == closed.total_cost_nanos == call.cost_nanos > 0
    (statement,) = closed.budgets
    assert statement.spent_nanos == Window.objects.get().spent_nanos == call.cost_nanos
    assert LedgerEntry.objects.filter(kind="settle").count() == 1
    assert list(total_differences()) == []
    assert_nothing_held()
    assert_clean()


def test_what_nobody_waits_for_any_more_is_found_all_the_same(alice: User, breaks: Breaks) -> None:
    # Else the money stays held until the clock presumes the call, which nobody made.
    writer, patience = Writer(), iter([True])
    request = a_request(alice)
    asked = Asked(request, Sizes.of(request), Attempt())

    async def story() -> Admission:
        go = threading.Event()
        writer.submit(lambda: go.wait(SECONDS))
        writer.submit(breaks)
        wanted = writer.run(admitting(asked), wanted=lambda: next(patience, False))
        go.set()
        outcome, _ = await wanted
        return outcome

    try:
        assert asyncio.run(story()).reservation_id == Reservation.objects.get().pk
    finally:
        writer.stop()

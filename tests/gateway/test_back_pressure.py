"""More comes than the database takes: who waits is told in time, and nothing is sent unseen."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from router_app.errors import RouterError, Unavailable
from router_app.gateway import engine, keys, service
from router_app.gateway import writer as module
from router_app.gateway.requests import Admission
from router_app.gateway.writer import writer
from router_app.models import Call, Reservation, RoutingDecision, User
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.gateway.asking import a_request, ask
from tests.gateway.books import assert_clean, assert_nothing_held

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 10  # more than anything here takes


@pytest.fixture
def key(alice: User) -> str:
    """Of alice."""
    return keys.create_key(user=alice, name="tests")[1]


@pytest.fixture
def turn(alice: User, key: str) -> Iterator[threading.Event]:
    """The writer stands in a transaction until this is set: on SQLite nobody else writes either."""
    go_on, stands = threading.Event(), threading.Event()

    def stand_still() -> None:
        stands.set()
        assert go_on.wait(SECONDS)

    writer.submit(stand_still)
    assert stands.wait(SECONDS)
    yield go_on
    go_on.set()


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody loses patience at once."""
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(service, "PATIENCE_SECONDS", 0.05)


def assert_refused(error: Unavailable) -> None:
    assert error.status == 503 and int(error.headers["Retry-After"]) > 0


def everything_is_done() -> None:
    """Wait until the writer has nothing in line, and no run is left."""
    writer.run_sync(lambda: None)
    asyncio.run(engine.wait_for_runs(SECONDS))


class TestTheLineIsFull:
    @pytest.fixture(autouse=True)
    def full(self, turn: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of what can be refused, that is."""
        monkeypatch.setattr(module, "MAX_WAITING", 8)
        for _ in range(6):
            writer.submit(lambda: None)

    def test_new_requests_are_refused_at_once(
        self, alice: User, provider: ScriptedProvider, turn: threading.Event
    ) -> None:
        for _ in range(3):
            with pytest.raises(Unavailable) as refused:
                ask(alice)
            assert_refused(refused.value)
        assert writer.waiting == 6, "nobody waits who was refused"

        turn.set()
        everything_is_done()
        assert ask(alice).text
        assert len(provider.calls) == Call.objects.count() == 1

    def test_there_is_room_for_what_must_be_booked(self, alice: User) -> None:
        writer.submit(lambda: None)
        writer.submit(lambda: None)
        with pytest.raises(Unavailable):
            writer.submit(lambda: None)


def test_an_end_is_booked_though_new_requests_fill_the_line(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 8)
    gate, go_on = Gate(), threading.Event()
    provider.enqueue(gate)

    async def story() -> list[object]:
        run = await service.start(a_request(alice))
        await provider.arrived(1)
        standing = writer.run(lambda: go_on.wait(SECONDS))
        while writer.waiting:
            await asyncio.sleep(0.001)
        asked = [asyncio.ensure_future(service.start(a_request(alice))) for _ in range(20)]
        await asyncio.sleep(0)
        gate.open()
        while writer.waiting < 7:  # six requests, and the end of the first
            await asyncio.sleep(0.001)
        go_on.set()
        await standing
        await run.finished()
        return await asyncio.gather(*asked, return_exceptions=True)

    outcomes = asyncio.run(story())
    everything_is_done()
    assert sum(isinstance(outcome, Unavailable) for outcome in outcomes) == 14
    assert Call.objects.filter(outcome="answered").count() == 7
    assert_nothing_held()
    assert_clean()


@pytest.mark.usefixtures("impatience")
class TestTheDatabaseTakesTooLong:
    def test_a_request_whose_turn_does_not_come_is_never_made(
        self, alice: User, provider: ScriptedProvider, turn: threading.Event
    ) -> None:
        recorded: list[Admission | RouterError] = []

        async def story() -> None:
            with pytest.raises(Unavailable) as refused:
                await service.start(a_request(alice), record=recorded.append)
            assert_refused(refused.value)

        asyncio.run(story())
        turn.set()
        everything_is_done()
        assert provider.calls == recorded == []
        assert not RoutingDecision.objects.exists() and not Reservation.objects.exists()

    def test_one_that_is_committed_too_late_is_given_back_and_never_sent(
        self, alice: User, provider: ScriptedProvider
    ) -> None:
        lost_patience = threading.Event()

        def record(_: Admission | RouterError) -> None:  # in the transaction that holds the money
            assert lost_patience.wait(SECONDS)

        async def story() -> None:
            with pytest.raises(Unavailable) as refused:
                await service.start(a_request(alice), record=record)
            assert_refused(refused.value)
            lost_patience.set()
            await writer.run(lambda: None)
            await engine.wait_for_runs(SECONDS)

        asyncio.run(story())
        assert provider.calls == []
        call = Call.objects.get()
        assert (call.outcome, call.cost_nanos, call.sent_at) == ("interrupted", 0, None)
        assert Reservation.objects.get().state == "released"
        assert_nothing_held()
        assert_clean()

    @pytest.mark.parametrize(
        "asking",
        [
            lambda alice, key: service.preview(a_request(alice)),
            lambda alice, key: keys.authenticate(key),
        ],
        ids=["preview", "authenticate"],
    )
    def test_nobody_waits_for_ever(
        self,
        alice: User,
        key: str,
        turn: threading.Event,
        asking: Callable[[User, str], object],
    ) -> None:
        async def story() -> None:
            with pytest.raises(Unavailable) as refused:
                await asking(alice, key)  # type: ignore[misc]
            assert_refused(refused.value)

        asyncio.run(story())
        turn.set()
        everything_is_done()

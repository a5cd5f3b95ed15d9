"""Streams whose client leaves before they have begun: nothing is sent that nobody will read."""

import asyncio
import threading
from typing import Any

import pytest
from msgspec.structs import replace

from router_app.gateway import engine, service
from router_app.gateway.asked import Asked
from router_app.gateway.execution import Run
from router_app.gateway.writer import writer
from router_app.models import Call, Reservation, RoutingDecision, User
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.api.v1.calling import HELLO, Program
from tests.gateway.asking import a_request
from tests.gateway.books import assert_clean, assert_nothing_held

pytestmark = pytest.mark.django_db(transaction=True)

STREAM = {"model": "auto", "messages": HELLO, "stream": True}
SECONDS = 10


async def everything_is_done() -> None:
    await writer.run(lambda: None)
    await engine.wait_for_runs(SECONDS)


def assert_never_sent(provider: ScriptedProvider) -> None:
    assert provider.calls == []
    call = Call.objects.get()
    assert (call.outcome, call.cost_nanos, call.sent_at) == ("stopped", 0, None)
    assert Reservation.objects.get().state == "released"
    assert_nothing_held()
    assert_clean()


def test_a_client_that_leaves_before_its_turn_came_is_forgotten(
    program: Program, provider: ScriptedProvider
) -> None:
    async def run() -> None:
        connection = program.connection(STREAM)
        connection.left.set()
        await connection.run()
        await everything_is_done()

    asyncio.run(run())

    assert provider.calls == []
    assert not RoutingDecision.objects.exclude(outcome="stopped").exists()
    assert_nothing_held()


def test_a_client_that_leaves_while_money_is_held_pays_nothing(
    program: Program, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, admitting = threading.Event(), service.admitting

    async def run() -> None:
        loop, connection = asyncio.get_running_loop(), program.connection(STREAM)

        def leave(_outcome: object) -> None:  # in the transaction that holds it
            loop.call_soon_threadsafe(connection.left.set)
            assert gone.wait(SECONDS)

        def with_leaving(asked: Asked) -> Any:
            return admitting(replace(asked, record=leave))

        monkeypatch.setattr(service, "admitting", with_leaving)
        await connection.run()
        gone.set()
        await everything_is_done()

    asyncio.run(run())
    assert_never_sent(provider)


def test_a_client_that_leaves_in_the_moment_of_the_start_pays_nothing(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch = engine.launch
    provider.enqueue(Gate())  # without being stopped the run would never end

    async def story() -> None:
        loop = asyncio.get_running_loop()

        def launched(run: Run) -> None:
            launch(run)
            loop.call_soon(asking.cancel)  # the run is handed over before that happens

        monkeypatch.setattr(engine, "launch", launched)
        asking = asyncio.ensure_future(service.start(a_request(alice), ends_with_client=True))
        with pytest.raises(asyncio.CancelledError):
            await asking
        await everything_is_done()

    asyncio.run(story())
    assert Call.objects.get().outcome == "stopped"
    assert_nothing_held()

"""Calls that the server ends: nothing is left behind, and what was never sent costs nothing."""

import asyncio
import threading
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from router_app.errors import Unavailable
from router_app.gateway import engine, service
from router_app.gateway.asked import Sizes
from router_app.gateway.execution import Run
from router_app.gateway.writer import writer
from router_app.models import Call, Reservation, RoutingDecision, User
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.gateway.asking import a_request
from tests.gateway.batching import SECONDS, Batch, admitted
from tests.gateway.books import assert_clean, assert_nothing_held

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_admitted_in_the_moment_of_the_end_is_ended_too(
    alice: User, provider: ScriptedProvider
) -> None:
    provider.enqueue(Gate())  # an answer that never comes
    go, stands = threading.Event(), threading.Event()

    def stand_still() -> None:
        stands.set()
        go.wait(SECONDS)

    async def story() -> None:
        engine.startup(asyncio.get_running_loop())
        writer.submit(stand_still)
        await asyncio.to_thread(stands.wait, SECONDS)
        starting = asyncio.create_task(service.start(a_request(alice)))
        await asyncio.sleep(0)  # it is in line
        ending = asyncio.create_task(engine.shutdown(0.0))
        await asyncio.sleep(0)  # and behind it the end, in the same batch
        go.set()
        await ending
        assert engine.under_way() == 0
        assert (await (await starting).finished()).outcome == "interrupted"

    asyncio.run(story())
    assert_nothing_held()
    assert_clean()


def test_a_call_whose_lease_is_over_before_it_is_sent_is_free(
    alice: User, provider: ScriptedProvider, batches: list[Batch]
) -> None:
    # The machine was asleep between the commit and the call.
    request = a_request(alice)
    (admission,) = admitted(batches, request)

    async def story() -> None:
        run = Run(request, Sizes.of(request), admission)
        await run.execute()
        answer = await run.finished()
        assert answer.cost_nanos == 0
        assert isinstance(answer.error, Unavailable)
        assert answer.error.message == "The server could not send this in time; no model was asked."

    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        asyncio.run(story())
    assert provider.calls == []
    assert Reservation.objects.get().state == "released"
    assert Call.objects.get().sent_at is None
    assert RoutingDecision.objects.get().outcome == "interrupted"
    assert_nothing_held()
    assert_clean()

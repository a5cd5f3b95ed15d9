"""Who asked goes away, says stop, or the server goes away."""

import asyncio
import threading
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from router_app.gateway import closing, engine, expiry, service
from router_app.gateway.asked import Sizes
from router_app.gateway.ended import Closure, Ending
from router_app.gateway.execution import Run
from router_app.gateway.requests import Admission, Answer, Delta
from router_app.gateway.writer import writer
from router_app.models import (
    Call,
    Message,
    Reservation,
    RoutingDecision,
    User,
    Window,
)
from router_app.providers.base import Finished, TextDelta, Usage
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.factories import make_conversation
from tests.gateway.asking import a_request, admit, ask
from tests.gateway.books import assert_clean, assert_nothing_held

pytestmark = pytest.mark.django_db(transaction=True)


def test_tab_closed_midway(alice: User, provider: ScriptedProvider) -> None:
    gate = Gate()
    provider.enqueue(
        TextDelta("Half"), gate, TextDelta(" and half"), Finished("stop", Usage(9, 99))
    )

    async def story() -> str:
        run = await service.start(a_request(alice))
        async for event in run.events():
            assert isinstance(event, Delta)
            break  # the tab is closed after the first words
        gate.open()
        # Somebody who comes back reads all of it, from the beginning.
        text = "".join([e.text async for e in run.events() if isinstance(e, Delta)])
        await run.finished()
        return text

    assert asyncio.run(story()) == "Half and half"
    call = Call.objects.get()
    assert (call.outcome, call.output_tokens, call.usage_source) == ("answered", 99, "reported")
    assert_clean()


def test_a_client_that_leaves_before_its_turn_has_asked_nothing(
    alice: User, provider: ScriptedProvider
) -> None:
    turn = threading.Event()

    async def story() -> None:
        before = writer.run(lambda: turn.wait(10))
        asking = asyncio.ensure_future(service.answer(a_request(alice)))
        await asyncio.sleep(0)  # it stands in line
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        turn.set()
        await before
        await writer.run(lambda: None)

    asyncio.run(story())
    asyncio.run(engine.wait_for_runs(10))
    assert provider.calls == []
    assert not Call.objects.exists()
    assert_nothing_held()


def test_a_client_that_leaves_while_money_is_being_held(
    alice: User, provider: ScriptedProvider
) -> None:
    left = threading.Event()

    async def story() -> None:
        loop = asyncio.get_running_loop()

        def leave(_outcome: object) -> None:  # in the transaction that holds it
            loop.call_soon_threadsafe(asking.cancel)
            assert left.wait(10)

        asking = asyncio.ensure_future(service.start(a_request(alice), record=leave))
        with pytest.raises(asyncio.CancelledError):
            await asking
        left.set()
        await provider.arrived(1)

    asyncio.run(story())
    asyncio.run(engine.wait_for_runs(10))
    assert Call.objects.get().outcome == "answered"
    assert_nothing_held()


def test_stop_is_charged_for_what_ran(alice: User, provider: ScriptedProvider) -> None:
    never = Gate()
    provider.enqueue(TextDelta("One. "), TextDelta("Two. "), never)

    async def story() -> tuple[str, bool]:
        run = await service.start(a_request(alice))
        seen = 0
        async for _ in run.events():
            seen += 1
            if seen == 2:
                break
        stopped = await service.stop(run.decision_id, user_id=alice.pk)
        return (await run.finished()).text, stopped

    assert asyncio.run(story()) == ("One. Two. ", True)
    call = Call.objects.get()
    assert (call.outcome, call.usage_source) == ("stopped", "counted")
    assert 0 < call.cost_nanos < call.reserved_nanos
    assert call.decision.outcome == "stopped"
    assert_nothing_held()


def test_who_stops_before_it_was_sent_pays_nothing(alice: User, provider: ScriptedProvider) -> None:
    request = a_request(alice)
    sizes = Sizes.of(request)
    admission, _ = writer.run_sync(lambda: admit(request))
    assert isinstance(admission, Admission)

    async def story() -> Answer:
        run = Run(request, sizes, admission)
        run.stop()
        await run.execute()
        return await run.finished()

    answer = asyncio.run(story())

    assert provider.calls == []
    assert (answer.outcome, answer.total_cost_nanos) == ("stopped", 0)
    assert Reservation.objects.get().state == "released"
    assert_clean()
    assert_nothing_held()


def test_nobody_stops_another_persons_answer(alice: User, provider: ScriptedProvider) -> None:
    gate = Gate()
    provider.enqueue(gate, TextDelta("x"), Finished("stop", Usage(1, 1)))

    async def story() -> bool:
        run = await service.start(a_request(alice))
        stopped = await service.stop(run.decision_id, user_id=alice.pk + 1)
        gate.open()
        await run.finished()
        return stopped

    assert asyncio.run(story()) is False
    assert Call.objects.get().outcome == "answered"


def test_server_killed_and_restarted(alice: User, provider: ScriptedProvider) -> None:
    # A process admits a call and sends it, writes half an answer, and is gone.
    request = a_request(alice)
    conversation = make_conversation(alice)

    def record(admission: object) -> uuid.UUID:
        assert isinstance(admission, Admission)
        return Message.objects.create(
            conversation=conversation,
            role="assistant",
            state="writing",
            decision_id=admission.decision_id,
        ).pk

    admission, message_id = writer.run_sync(lambda: admit(request, record))
    assert isinstance(admission, Admission) and message_id is not None
    writer.run_sync(lambda: closing.note_progress(admission.decision_id, message_id, "Half an ans"))
    held = Window.objects.get().reserved_nanos
    assert held == admission.reserved_nanos

    # Within the lease the money stays held; after it, the next request finds and closes it.
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        ask(alice)
        assert Window.objects.get().reserved_nanos == held
    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        ask(alice)
        assert_nothing_held()
        assert_clean()
        call = Call.objects.get(pk=admission.call_id)
        assert (call.outcome, call.cost_nanos) == ("presumed", held)
        assert RoutingDecision.objects.get(pk=admission.decision_id).outcome == "interrupted"
        message = Message.objects.get(pk=message_id)
        assert message.state == "interrupted"
        assert message.text == "Half an ans"
        # The process was only slow, and comes back with the end of its call: booked once.
        late = Ending(outcome=Call.Outcome.ANSWERED, usage=Usage(1, 1))
        writer.run_sync(lambda: closing.close_all([Closure(admission, late)]))
        assert Call.objects.get(pk=admission.call_id).cost_nanos == held
        assert_clean()


def test_expire_is_safe_to_run_twice(alice: User, provider: ScriptedProvider) -> None:
    request = a_request(alice)
    writer.run_sync(lambda: admit(request))
    later = timezone.now() + timedelta(hours=1)
    assert expiry.expire_overdue(now=later) == (1, 0)
    assert expiry.expire_overdue(now=later) == (0, 0)
    assert_clean()


def test_a_process_that_dies_between_two_attempts(alice: User, provider: ScriptedProvider) -> None:
    # The first attempt is closed, the second never begins: no money is held, and nobody is left
    # waiting for an answer for ever.
    request = a_request(alice)
    admission, _ = writer.run_sync(lambda: admit(request))
    assert isinstance(admission, Admission)
    failed = Ending(outcome=Call.Outcome.FAILED, released=True, last=False)
    writer.run_sync(lambda: closing.close_all([Closure(admission, failed)]))
    assert RoutingDecision.objects.get().outcome == "running"
    expiry.expire_overdue(now=timezone.now())
    assert RoutingDecision.objects.get().outcome == "running"
    expiry.expire_overdue(now=timezone.now() + timedelta(minutes=5))
    assert RoutingDecision.objects.get().outcome == "interrupted"
    assert_clean()

"""The scripted provider does what it was told, and bills like a provider."""

import asyncio
import threading
from contextlib import aclosing

import pytest

from router_app.providers.base import (
    Billing,
    FailureKind,
    Finished,
    ProviderFailure,
    TextDelta,
    Usage,
)
from router_app.providers.scripted import Billed, Gate, Pause, ScriptedProvider
from tests.providers.calling import MODEL, a_request, drain

REQUEST = a_request("http://provider.test/v1")


def refused(billing: Billing, usage: Usage | None = None) -> ProviderFailure:
    """A failure for a script."""
    return ProviderFailure(FailureKind.SERVER, "it failed", billing=billing, usage=usage)


def test_it_follows_its_scripts_in_order() -> None:
    provider = ScriptedProvider()
    provider.enqueue(TextDelta("one"), Pause(0), Finished("stop", Usage(5, 1)))
    provider.enqueue(refused(Billing.NOT_BILLED))
    provider.enqueue(TextDelta("mine"), Finished("stop", None), model=MODEL)
    outcomes = [asyncio.run(drain(provider, REQUEST)) for _ in range(4)]
    assert [outcome.text for outcome in outcomes] == ["mine", "one", "", "Hello."]
    assert outcomes[2].failed.kind is FailureKind.SERVER
    assert provider.calls == [REQUEST] * 4


@pytest.mark.parametrize(
    "script, bill",
    [
        ((TextDelta("a"), Finished("stop", Usage(5, 7))), [(5, 7)]),
        ((TextDelta("a"), TextDelta("b"), Finished("stop", None)), [(2, 2)]),
        ((refused(Billing.NOT_BILLED),), []),
        ((refused(Billing.UNKNOWN),), [(2, 0)]),
        ((TextDelta("a"), refused(Billing.UNKNOWN)), [(2, 1)]),
        ((TextDelta("a"), refused(Billing.UNKNOWN, Usage(9, 9))), [(9, 9)]),
        ((TextDelta("a"),), [(2, 1)]),
    ],
)
def test_its_bill(script: tuple, bill: list[tuple[int, int]]) -> None:
    provider = ScriptedProvider(script)
    asyncio.run(drain(provider, REQUEST))
    assert provider.bill == [Billed(MODEL, *line) for line in bill]


def test_a_script_without_an_end_is_a_broken_stream() -> None:
    outcome = asyncio.run(drain(ScriptedProvider([TextDelta("a")]), REQUEST))
    assert outcome.failed.kind is FailureKind.BROKEN_STREAM


def test_who_leaves_early_pays_for_what_came() -> None:
    async def run() -> None:
        async with aclosing(provider.stream(REQUEST)) as events:
            await anext(events)

    provider = ScriptedProvider([TextDelta("a"), TextDelta("b")])
    asyncio.run(run())
    assert provider.bill == [Billed(MODEL, 2, 1)]


def test_a_gate_holds_calls_of_many_threads_and_loops() -> None:
    gate = Gate()
    provider = ScriptedProvider(gate=gate)
    texts: list[str] = []

    def work() -> None:
        texts.append(asyncio.run(drain(provider, REQUEST)).text)

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    asyncio.run(provider.arrived(5))
    assert texts == [] and len(provider.calls) == 5
    gate.open()
    for thread in threads:
        thread.join()
    assert texts == ["Hello."] * 5


def test_a_step_may_be_any_event_to_wait_for() -> None:
    async def run() -> str:
        gate = asyncio.Event()
        provider = ScriptedProvider([TextDelta("a"), gate, Finished("stop", None)])
        call = asyncio.create_task(drain(provider, REQUEST))
        await provider.arrived(1)
        assert not call.done()
        gate.set()
        return (await call).text

    assert asyncio.run(run()) == "a"

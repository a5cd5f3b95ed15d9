"""The database goes away while an answer is being written."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from router_app.errors import ProviderFailed, Unavailable
from router_app.gateway import execution, service
from router_app.gateway.writer import Writer
from router_app.models import Call, RoutingDecision, User
from router_app.providers.base import (
    Billing,
    FailureKind,
    Finished,
    ProviderFailure,
    TextDelta,
    Usage,
)
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.gateway.asking import a_request
from tests.gateway.books import assert_clean, assert_nothing_held

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_settle_waits_for_the_database(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "BOOKING_PAUSES", (0.0, 0.0, 0.0))
    gate = Gate()
    provider.enqueue(gate, TextDelta("Hi"), Finished("stop", Usage(10, 20)))
    failures = 3
    real = Writer.run

    def away(self: Writer, operation: Callable[[], Any], **_: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable("The database is away.")
        return real(self, operation)

    async def story() -> int:
        run = await service.start(a_request(alice))
        await provider.arrived(1)
        monkeypatch.setattr(Writer, "run", away)
        gate.open()
        return (await run.finished()).usage.output_tokens

    assert asyncio.run(story()) == 20
    assert failures == 0
    assert Call.objects.get().usage_source == "reported"
    assert_nothing_held()
    assert_clean()


def test_a_request_is_refused_and_nothing_is_sent(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: Writer, operation: Callable[[], Any], **_: Any) -> Any:
        raise Unavailable("The database is away.")

    monkeypatch.setattr(Writer, "run", away)
    with pytest.raises(Unavailable) as error:
        asyncio.run(service.answer(a_request(alice)))
    assert error.value.status == 503 and "Retry-After" in error.value.headers
    assert provider.calls == []


@pytest.mark.parametrize("retry", [True, False])
def test_a_failure_is_told_though_the_database_goes_away_after_it(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, retry: bool
) -> None:
    # Where a further attempt would follow, asking for it fails; else the writing down of the end.
    monkeypatch.setattr(execution, "BOOKING_PAUSES", (0.0,))
    monkeypatch.setattr(execution.retries, "delay_seconds", lambda *_: 0.0)
    gate = Gate()
    failure = ProviderFailure(
        FailureKind.SERVER, "the provider failed", billing=Billing.NOT_BILLED, retry=retry
    )
    provider.enqueue(gate, failure)
    answers = iter([True, False])  # the call is closed, and then the database is away
    real = Writer.run

    def away(self: Writer, operation: Callable[[], Any], **_: Any) -> Any:
        if next(answers, True):
            return real(self, operation)
        raise Unavailable("The database is away.")

    async def story() -> None:
        run = await service.start(a_request(alice, model="openai/gpt-oss-120b"))
        await provider.arrived(1)
        monkeypatch.setattr(Writer, "run", away)
        gate.open()
        await run.finished()

    with pytest.raises(ProviderFailed):
        asyncio.run(story())
    assert RoutingDecision.objects.get().outcome == "failed"
    assert_nothing_held()
    assert_clean()

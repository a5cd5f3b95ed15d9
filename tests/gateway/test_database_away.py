"""The database goes away while an answer is being written."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from router_app.errors import Unavailable
from router_app.gateway import execution, service
from router_app.gateway.writer import Writer
from router_app.models import Call, User
from router_app.providers.base import Finished, TextDelta, Usage
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

    async def away(self: Writer, operation: Callable[[], Any]) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable("The database is away.")
        return await real(self, operation)

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
    async def away(self: Writer, operation: Callable[[], Any]) -> Any:
        raise Unavailable("The database is away.")

    monkeypatch.setattr(Writer, "run", away)
    with pytest.raises(Unavailable) as error:
        asyncio.run(service.answer(a_request(alice)))
    assert error.value.status == 503 and "Retry-After" in error.value.headers
    assert provider.calls == []

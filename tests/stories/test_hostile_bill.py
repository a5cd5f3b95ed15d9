"""A hostile upstream keeps its own bill; ours has a row for every line of it.

Whatever it does, through the whole gateway and over real sockets: every request it saw has a call
row, what it billed is at most what we booked for the rows that may be billed, the books are clean,
and nothing stays held.
"""

import asyncio
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.conf import LazySettings

from router_app.errors import RouterError
from router_app.gateway import engine, execution, service
from router_app.models import Call, Provider, User, Window
from router_app.providers.registry import aclose_all
from tests.gateway.asking import a_request
from tests.gateway.books import assert_clean, assert_nothing_held
from tests.providers import behaviours
from tests.providers.hostile import HostileUpstream

pytestmark = pytest.mark.django_db(transaction=True)
MODEL = "openai/gpt-oss-20b"


@pytest.fixture(scope="module")
def upstream() -> Iterator[HostileUpstream]:
    with HostileUpstream() as server:
        yield server


@pytest.fixture(autouse=True)
def _impatient(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CALL_CONNECT_SECONDS = 0.5
    settings.CALL_FIRST_TOKEN_SECONDS = 0.4
    settings.CALL_BETWEEN_TOKENS_SECONDS = 0.4
    settings.CALL_TOTAL_SECONDS = 3.0
    monkeypatch.setattr(execution.retries, "delay_seconds", lambda *_: 0.01)


@pytest.mark.parametrize("behaviour", sorted(behaviours.BY_NAME))
def test_every_billed_call_has_a_row(
    alice: User, upstream: HostileUpstream, behaviour: str
) -> None:
    provider = Provider.objects.get(slug="demo")
    provider.base_url = upstream.url(behaviour)
    provider.save()
    seen_before, billed_before = len(upstream.received), len(upstream.bill)

    async def story() -> None:
        try:
            await service.answer(a_request(alice, model=MODEL, max_tokens=64))
        except RouterError as error:
            assert "Traceback" not in error.message and "secret" not in error.message.lower()

    asyncio.run(story())
    asyncio.run(engine.wait_for_runs(10))

    seen = len(upstream.received) - seen_before
    bill = upstream.bill[billed_before:]
    rows = list(Call.objects.all())
    assert len(rows) >= seen
    assert all(row.outcome != "running" for row in rows)
    booked = sum(row.cost_nanos for row in rows)
    window = Window.objects.get()
    assert booked == window.spent_nanos + window.overage_nanos
    if bill:
        assert any(row.reservation.state != "released" for row in rows)
    owed = sum(
        line.input_tokens * Decimal("75") + line.output_tokens * Decimal("300") for line in bill
    )
    capped = [line for line in bill if line.output_tokens <= 64]
    if len(capped) == len(bill):  # beyond the cap it was told, nothing is owed
        assert booked >= owed, (behaviour, booked, owed, rows)
    assert_clean()
    assert_nothing_held()


def test_connections_are_not_leaked(upstream: HostileUpstream) -> None:
    async def close() -> None:
        await aclose_all()

    loop = engine._background_loop()
    asyncio.run_coroutine_threadsafe(close(), loop).result(5)
    upstream.wait_until(lambda: upstream.open_connections == 0)
    assert upstream.faults == []

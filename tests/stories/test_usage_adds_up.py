"""Whatever becomes of requests, the sums that the dashboard reads are what the calls say."""

import asyncio
from datetime import timedelta

import pytest
from django.utils import timezone

from router_app.analytics import spending
from router_app.analytics.ranges import RangeKey
from router_app.analytics.scope import Scope
from router_app.analytics.usage_rebuild import differences, slices, total_differences
from router_app.gateway import execution, service
from router_app.gateway.corrections import correct_call
from router_app.gateway.expiry import expire_overdue
from router_app.models import Call, LedgerEntry, UsageRollup, User
from router_app.providers.base import Billing, FailureKind, Finished, ProviderFailure, Usage
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.gateway.asking import a_request, ask
from tests.gateway.books import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)

BEST = "llama-3.3-70b-versatile"
BUSY = ProviderFailure(
    FailureKind.OVERLOADED, "too many requests (HTTP 429)", billing=Billing.NOT_BILLED, retry=True
)


def assert_adds_up(user: User, requests: int) -> None:
    """Rollup, calls and journal agree, and so does what is shown."""
    assert [line for part in slices() for line in differences(part)] == []
    assert list(total_differences()) == []
    shown = spending.totals(Scope.own(user), spending.range_for(Scope.own(user), RangeKey.ALL))
    entries = LedgerEntry.objects.filter(reservation__user=user, window__budget__user=user)
    booked = sum(entry.spent_delta_nanos + entry.overage_delta_nanos for entry in entries)
    assert (shown.requests, shown.cost_nanos) == (requests, booked)
    assert_clean()


def test_usage_adds_up(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution.retries, "delay_seconds", lambda *_: 0.0)

    # Answers, of which one was dearer than it could be.
    ask(alice)
    provider.enqueue(Finished("stop", Usage(90_000, 70_000)))
    ask(alice, task="code")
    assert_adds_up(alice, requests=2)

    # A model that is busy three times, then the next candidate: one request.
    for _ in range(3):
        provider.enqueue(BUSY, model=BEST)
    ask(alice)
    assert Call.objects.count() == 2 + 4
    assert_adds_up(alice, requests=3)

    # A bill that says otherwise.
    dear = Call.objects.order_by("-cost_nanos")[0]
    correct_call(dear.pk, actual_nanos=dear.cost_nanos - 7, author_id=None, reason="their bill")
    assert_adds_up(alice, requests=3)

    # Many at once, closed together.
    async def burst() -> None:
        await asyncio.gather(*(service.answer(a_request(alice)) for _ in range(20)))

    asyncio.run(burst())
    assert_adds_up(alice, requests=23)

    # One under way counts when it was sent; lost, at the full amount when the clock closes it.
    gate = Gate()
    provider.enqueue(gate, Finished("stop", Usage(10, 2)))

    async def lose() -> None:
        run = await service.start(a_request(alice))
        shown = await asyncio.to_thread(_requests, alice)
        later = timezone.now() + timedelta(hours=1)
        await asyncio.to_thread(expire_overdue, now=later)
        gate.open()
        await run.finished()
        assert shown == 24

    asyncio.run(lose())
    assert Call.objects.filter(outcome="presumed").count() == 1
    assert_adds_up(alice, requests=24)
    assert UsageRollup.objects.filter(user=alice).exists()


def _requests(user: User) -> int:
    return spending.totals(
        Scope.own(user), spending.range_for(Scope.own(user), RangeKey.ALL)
    ).requests

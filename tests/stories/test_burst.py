"""Many at once at a nearly empty budget: exactly as many pass as are paid for."""

import asyncio

import pytest
from django.utils import timezone

from router_app.budgets.limits import set_limit
from router_app.budgets.reconcile import differences
from router_app.errors import BudgetExceeded
from router_app.gateway import service
from router_app.gateway.execution import Run
from router_app.gateway.writer import writer
from router_app.models import Budget, Call, User, Window
from router_app.providers.base import Finished, TextDelta, Usage
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.gateway.asking import a_request

MODEL = "openai/gpt-oss-120b"
pytestmark = pytest.mark.django_db(transaction=True)


def _ceiling(alice: User) -> int:
    shown = asyncio.run(service.preview(a_request(alice, max_tokens=100, model=MODEL)))
    assert shown.decision.chosen is not None and shown.decision.chosen.estimate is not None
    return shown.decision.chosen.estimate.ceiling_nanos


async def _burst(alice: User, count: int) -> list[Run | BaseException]:
    starts = [service.start(a_request(alice, max_tokens=100, model=MODEL)) for _ in range(count)]
    return await asyncio.gather(*starts, return_exceptions=True)


@pytest.mark.parametrize("count", [25, 500])
@pytest.mark.parametrize("slack", [0, 0.5])
def test_room_for_ten(alice: User, provider: ScriptedProvider, count: int, slack: float) -> None:
    ceiling = _ceiling(alice)
    set_limit(
        Budget.objects.get(), limit_nanos=10 * ceiling + int(ceiling * slack), now=timezone.now()
    )
    provider.gate = gate = Gate()
    provider.default = (TextDelta("ok"), Finished("stop", Usage(5, 5)))

    async def story() -> list[Run | BaseException]:
        outcomes = await _burst(alice, count)
        await provider.arrived(10)
        window = await writer.run(Window.objects.get)
        assert window.reserved_nanos == 10 * ceiling
        gate.open()
        runs = [run for run in outcomes if isinstance(run, Run)]
        await asyncio.gather(*(run.finished() for run in runs))
        return outcomes

    outcomes = asyncio.run(story())
    refused = [error for error in outcomes if isinstance(error, BudgetExceeded)]
    assert len(refused) == count - 10
    assert len(provider.calls) == 10
    assert refused[0].refusal.limit_nanos == 10 * ceiling + int(ceiling * slack)
    window = Window.objects.get()
    assert window.reserved_nanos == 0 and window.overage_nanos == 0
    assert window.spent_nanos == sum(call.cost_nanos for call in Call.objects.all())
    assert list(differences(timezone.now())) == []

    # What the ten gave back can be used at once.
    again = asyncio.run(_burst(alice, 1))
    assert isinstance(again[0], Run)

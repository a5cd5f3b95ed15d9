"""Budgets at every level at once: whichever is the tight one, it is kept, and it is named."""

import asyncio
from typing import Any

import pytest
from django.utils import timezone

from router_app.budgets.reconcile import differences
from router_app.errors import BudgetExceeded, PermissionDenied
from router_app.gateway import service
from router_app.gateway.execution import Run
from router_app.gateway.keys import create_key
from router_app.models import (
    Budget,
    Call,
    LedgerEntry,
    Level,
    Membership,
    User,
    Window,
    Workspace,
)
from router_app.providers.base import Finished, TextDelta, Usage
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.gateway.asking import a_request

MODEL = "openai/gpt-oss-120b"
PLENTY = 10**12  # a thousand dollars
COUNT, ROOM = 500, 10
pytestmark = pytest.mark.django_db(transaction=True)


class Nested:
    """A member of a team with a key, and one budget of every level that bounds what it asks."""

    def __init__(self, alice: User) -> None:
        Budget.objects.all().delete()
        self.team = Workspace.objects.create(name="Alpha")
        Membership.objects.create(workspace=self.team, user=alice)
        self.key, _ = create_key(user=alice, name="ci", workspace_id=self.team.pk)
        spec = service.catalog().spec(MODEL)
        assert spec is not None
        self.alice = alice
        self.budgets = {
            "site": _budget(Level.SITE),
            "workspace": _budget(Level.WORKSPACE, workspace=self.team),
            "workspace, one task": _budget(Level.WORKSPACE, workspace=self.team, task_type="code"),
            "workspace, one model": _budget(Level.WORKSPACE, workspace=self.team, model_id=spec.pk),
            "member": _budget(Level.MEMBER, workspace=self.team, user=alice),
            "user": _budget(Level.USER, user=alice),
            "key": _budget(Level.KEY, api_key=self.key),
        }

    def request(self, **changed: Any) -> Any:
        """What the key asks."""
        facts = {"task": "code", "max_tokens": 100, "model": MODEL, "api_key_id": self.key.pk}
        return a_request(self.alice, **{**facts, **changed})


def _budget(level: Level, **whom: Any) -> Budget:
    name = f"budget of {level.value} {sorted(whom)}"
    return Budget.objects.create(level=level, name=name, limit_nanos=PLENTY, **whom)


@pytest.fixture
def nested(alice: User, provider: ScriptedProvider) -> Nested:
    return Nested(alice)


@pytest.mark.parametrize(
    "tight",
    [
        "site", "workspace", "workspace, one task", "workspace, one model", "member", "user", "key",
    ],
)  # fmt: skip
def test_500_at_once_and_one_tight_level(
    nested: Nested, provider: ScriptedProvider, tight: str
) -> None:
    shown = asyncio.run(service.preview(nested.request()))
    assert shown.decision.chosen is not None
    ceiling = shown.decision.chosen.priced.ceiling_nanos
    budget = nested.budgets[tight]
    limit = ROOM * ceiling + ceiling // 2
    Budget.objects.filter(pk=budget.pk).update(limit_nanos=limit)
    Window.objects.filter(budget=budget).update(limit_nanos=limit)
    provider.gate = gate = Gate()
    provider.default = (TextDelta("ok"), Finished("stop", Usage(5, 5)))

    async def story() -> list[Run | BaseException]:
        starts = [service.start(nested.request()) for _ in range(COUNT)]
        outcomes = await asyncio.gather(*starts, return_exceptions=True)
        await provider.arrived(ROOM)
        gate.open()
        await asyncio.gather(*(run.finished() for run in outcomes if isinstance(run, Run)))
        return outcomes

    refused = [error for error in asyncio.run(story()) if isinstance(error, BudgetExceeded)]
    assert len(refused) == COUNT - ROOM
    assert len(provider.calls) == ROOM
    assert {(error.refusal.budget, error.refusal.level) for error in refused} == {
        (budget.name, budget.level)
    }
    spent = sum(call.cost_nanos for call in Call.objects.all())
    for window in Window.objects.all():
        assert (window.spent_nanos, window.reserved_nanos, window.overage_nanos) == (spent, 0, 0)
    assert Window.objects.count() == len(nested.budgets)
    assert list(differences(timezone.now())) == []


def test_a_budget_of_one_model_sends_the_rest_elsewhere(
    nested: Nested, provider: ScriptedProvider
) -> None:
    # The team's money for this one model is gone; the others may still answer.
    budget = nested.budgets["workspace, one model"]
    Budget.objects.filter(pk=budget.pk).update(limit_nanos=1)

    answer = asyncio.run(service.answer(nested.request(model=None)))

    assert answer.model != MODEL
    dropped = {item.id: item.drop.reason for item in answer.decision.dropped if item.drop}
    assert budget.name in dropped[MODEL]
    held_in = LedgerEntry.objects.values_list("window__budget__name", flat=True)
    assert budget.name not in set(held_in)

    with pytest.raises(BudgetExceeded) as refusal:
        asyncio.run(service.answer(nested.request()))
    assert refusal.value.refusal.budget == budget.name


def test_what_is_outside_is_not_held(nested: Nested, provider: ScriptedProvider) -> None:
    # Asked in her own workspace, without the key and for another task.
    request = a_request(nested.alice, task="email", model=MODEL)
    asyncio.run(service.answer(request))
    held = set(LedgerEntry.objects.values_list("window__budget__level", flat=True))
    assert held == {Level.SITE, Level.USER}


def test_a_viewer_spends_nothing(nested: Nested, provider: ScriptedProvider) -> None:
    Membership.objects.filter(workspace=nested.team).update(role="viewer")
    with pytest.raises(PermissionDenied, match="may not ask in this workspace"):
        asyncio.run(service.answer(nested.request()))
    assert not LedgerEntry.objects.exists()

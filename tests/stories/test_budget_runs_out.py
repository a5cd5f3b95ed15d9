"""A month's money runs out: clamped, then cheaper, then refused; and back again."""

import asyncio

import pytest
from django.utils import timezone

from router_app.budgets.limits import set_limit
from router_app.errors import BudgetExceeded
from router_app.gateway import service
from router_app.models import Budget, Call, User, Window
from router_app.providers.base import Finished, TextDelta, Usage
from router_app.providers.scripted import ScriptedProvider
from tests.gateway.asking import a_request, ask
from tests.gateway.books import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)


def test_budget_runs_out(alice: User, provider: ScriptedProvider) -> None:
    # Alice has $0.0005 left this month and no limit of her own on the answer's length.
    budget = Budget.objects.get()
    set_limit(budget, limit_nanos=500_000, now=timezone.now())
    provider.default = (TextDelta("An answer."), Finished("stop", Usage(10, 60)))

    # The first answer is sent with the cap that the money buys, and the receipt says so.
    first = ask(alice)
    clamp = first.decision.clamp
    assert clamp is not None and clamp.budget == "Monthly limit"
    assert provider.calls[-1].max_output_tokens == clamp.to_tokens < 4096
    assert first.model == "llama-3.3-70b-versatile"

    # What is left pays less and less; cheaper models answer, until nothing useful can be bought.
    asked = 1
    with pytest.raises(BudgetExceeded) as refused:
        for _ in range(40):
            ask(alice, quality="low")
            asked += 1
    used = [call.model for call in provider.calls]
    assert used[0] == "llama-3.3-70b-versatile" and used[-1] == "llama-3.1-8b-instant"
    window = Window.objects.get()
    assert window.spent_nanos <= 500_000 and window.overage_nanos == 0
    assert Call.objects.count() == len(provider.calls) == asked

    # The refusal is one a program can act on.
    refusal = refused.value.refusal
    assert refusal.budget == "Monthly limit"
    assert refusal.available_nanos == window.free_nanos
    assert refusal.limit_nanos == 500_000 and refusal.spent_nanos == window.spent_nanos
    assert refusal.needed_nanos > refusal.available_nanos
    assert refusal.resets_at is not None and refusal.cheapest_model is not None

    # Alice raises the limit and asks again.
    set_limit(budget, limit_nanos=5_000_000, now=timezone.now())
    assert ask(alice).text == "An answer."
    assert_clean()


def test_a_preview_costs_nothing_and_tells_the_same(
    alice: User, provider: ScriptedProvider
) -> None:
    shown = asyncio.run(service.preview(a_request(alice)))
    answer = ask(alice)
    assert shown.decision == answer.decision
    assert len(provider.calls) == 1


def test_nobody_spends_without_a_limit_by_accident(alice: User, provider: ScriptedProvider) -> None:
    Budget.objects.update(is_active=False)
    with pytest.raises(BudgetExceeded, match="No budget covers"):
        ask(alice)
    User.objects.update(unlimited=True)
    assert ask(alice).text == "Hello."
    assert_clean()

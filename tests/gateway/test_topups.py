"""A top-up at the last minute, and its end: told by the next request, without any job."""

from datetime import timedelta

import pytest
from django.utils import timezone

from router_app.budgets.limits import create_budget
from router_app.budgets.topups import top_up
from router_app.errors import BudgetExceeded
from router_app.models import Level, TopUp, User, Window
from router_app.providers.scripted import ScriptedProvider
from tests.gateway.asking import ask
from tests.gateway.books import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)
DOLLAR = 10**9


def test_refused_topped_up_answered_and_refused_again(
    alice: User, provider: ScriptedProvider, time_machine
) -> None:
    now = timezone.now().replace(hour=12)
    time_machine.move_to(now, tick=False)
    own = alice.personal_workspace
    budget = create_budget(level=Level.WORKSPACE, workspace=own, period="total", limit_nanos=0)
    with pytest.raises(BudgetExceeded, match="Total limit of alice"):
        ask(alice)

    # More, for an hour.
    hour = timedelta(hours=1)
    top_up(budget, amount_nanos=DOLLAR, reason="demo", author=alice, now=now, until=now + hour)
    assert ask(alice).text
    spent = Window.objects.get(budget=budget).spent_nanos
    assert spent > 0

    # The hour is over; whoever asks next finds that out.
    time_machine.move_to(now + hour, tick=False)
    with pytest.raises(BudgetExceeded, match="Total limit of alice"):
        ask(alice)
    window = Window.objects.get(budget=budget)
    assert (window.limit_nanos, window.spent_nanos) == (0, spent)
    assert TopUp.objects.get().ended_at == now + hour
    assert_clean()

"""Rules change while answers are being written: what was held stays held, nothing new is let in."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from router_app.budgets.limits import close_budget, create_budget, set_limit
from router_app.budgets.topups import top_up
from router_app.errors import BudgetExceeded, NotAuthenticated, PermissionDenied
from router_app.gateway import service
from router_app.gateway.execution import Run
from router_app.gateway.keys import create_key
from router_app.models import ApiKey, Call, LedgerEntry, Level, Membership, User, Window
from router_app.providers.base import Finished, TextDelta, Usage
from router_app.providers.scripted import Gate, ScriptedProvider
from router_app.workspaces.members import remove_member
from tests.factories import DOLLAR, make_team, make_user
from tests.gateway.asking import a_request, ask
from tests.gateway.books import assert_clean, assert_nothing_held

pytestmark = pytest.mark.django_db(transaction=True)

MODEL = "openai/gpt-oss-120b"


def test_a_member_is_removed_in_the_middle_of_an_answer(
    alice: User, provider: ScriptedProvider
) -> None:
    ann = make_user("ann")
    team = make_team(ann, member=[alice])
    budget = create_budget(
        level=Level.WORKSPACE, workspace=team, period="month", limit_nanos=DOLLAR
    )
    key, _ = create_key(user=alice, name="nightly", workspace_id=team.pk)
    place = Membership.objects.get(workspace=team, user=alice)
    request = a_request(alice, workspace_id=team.pk, api_key_id=key.pk)
    gate = Gate()
    provider.enqueue(TextDelta("Half, "), gate, TextDelta("half."), Finished("stop", Usage(9, 90)))

    async def story() -> str:
        run = await service.start(request)
        await provider.arrived(1)
        await sync_to_async(remove_member)(place, by=ann)
        with pytest.raises(PermissionDenied):
            await service.start(a_request(alice, workspace_id=team.pk))
        with pytest.raises((NotAuthenticated, PermissionDenied)):
            await service.start(request)
        gate.open()
        return (await run.finished()).text

    # What was under way is finished and paid by the team; its history stays where it was asked.
    assert asyncio.run(story()) == "Half, half."
    assert len(provider.calls) == 1
    call = Call.objects.get()
    assert (call.workspace, call.user) == (team, alice)
    assert Window.objects.get(budget=budget).spent_nanos == call.cost_nanos > 0
    assert ApiKey.objects.get(pk=key.pk).revoked_at is not None
    # At home she asks as before, and the team pays nothing of it.
    ask(alice)
    assert Window.objects.get(budget=budget).spent_nanos == call.cost_nanos
    assert_nothing_held()
    assert_clean()


def test_a_limit_is_lowered_under_load_and_topped_up_again(
    alice: User, provider: ScriptedProvider
) -> None:
    first = 20
    budget = create_budget(user=alice, period="total", limit_nanos=DOLLAR, name="Lowered")
    request = a_request(alice, model=MODEL, max_tokens=100)
    shown = asyncio.run(service.preview(request))
    assert shown.decision.chosen is not None
    ceiling = shown.decision.chosen.priced.ceiling_nanos
    provider.gate = gate = Gate()
    provider.default = (TextDelta("ok"), Finished("stop", Usage(5, 5)))

    async def story() -> None:
        runs = await asyncio.gather(*(service.start(request) for _ in range(first)))
        await provider.arrived(first)
        # Lower than what is held for those that are under way, while fifty more come in.
        lowering = sync_to_async(set_limit)(budget, limit_nanos=ceiling * 3, now=timezone.now())
        late = [service.start(request) for _ in range(50)]
        _, *outcomes = await asyncio.gather(lowering, *late, return_exceptions=True)
        admitted = [run for run in outcomes if isinstance(run, Run)]
        refused = [error for error in outcomes if isinstance(error, BudgetExceeded)]
        assert len(admitted) + len(refused) == 50
        with pytest.raises(BudgetExceeded, match="Lowered"):
            await service.start(request)

        window = await Window.objects.aget(budget=budget)
        assert window.limit_nanos == ceiling * 3
        assert window.reserved_nanos == ceiling * (first + len(admitted)), "what is held stays held"
        assert window.reserved_nanos <= window.peak_limit_nanos
        gate.open()
        await asyncio.gather(*(run.finished() for run in [*runs, *admitted]))

    asyncio.run(story())
    window = Window.objects.get(budget=budget)
    assert window.spent_nanos == sum(call.cost_nanos for call in Call.objects.all())
    assert_nothing_held()

    # Spent is now less than the low limit, or not; at the last minute a top-up lets one more in.
    set_limit(budget, limit_nanos=window.spent_nanos, now=timezone.now())
    with pytest.raises(BudgetExceeded, match="Lowered"):
        ask(alice, model=MODEL, max_tokens=100)
    top_up(budget, amount_nanos=ceiling, reason="one more", author=alice, now=timezone.now())
    ask(alice, model=MODEL, max_tokens=100)
    assert_nothing_held()
    assert_clean()


def test_moving_between_budgets_in_the_middle_of_a_period_moves_no_entry(
    alice: User, provider: ScriptedProvider
) -> None:
    ann = make_user("ann")
    team = make_team(ann, member=[alice])
    whom = {"level": Level.MEMBER, "workspace": team, "user": alice}
    first = create_budget(**whom, period="month", limit_nanos=DOLLAR, name="First")
    key, _ = create_key(user=alice, name="nightly", workspace_id=team.pk)
    ask(alice, workspace_id=team.pk)
    ask(alice, api_key_id=key.pk)
    entries = list(LedgerEntry.objects.order_by("pk").values())
    spent = Window.objects.get(budget=first).spent_nanos

    # The member gets another limit, the key one of its own, and what was for all is for one task.
    close_budget(first, by=ann)
    second = create_budget(**whom, period="month", limit_nanos=DOLLAR, name="Second")
    for_code = create_budget(**whom, period="month", limit_nanos=DOLLAR, task_type="code")
    of_key = create_budget(level=Level.KEY, api_key=key, period="month", limit_nanos=DOLLAR)
    answer = ask(alice, api_key_id=key.pk, task="code")

    assert list(LedgerEntry.objects.order_by("pk").values()[: len(entries)]) == entries
    assert Window.objects.get(budget=first).spent_nanos == spent
    for budget in (second, for_code, of_key):
        assert Window.objects.get(budget=budget).spent_nanos == answer.cost_nanos
    assert_nothing_held()
    assert_clean()

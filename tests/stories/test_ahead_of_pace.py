"""A month's money goes faster than the month: the same saving on every face, and in the books."""

import asyncio
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from router_app.gateway import service
from router_app.gateway.keys import create_key
from router_app.models import AuditEntry, Budget, RoutingDecision, User
from router_app.providers.scripted import ScriptedProvider
from tests.api.conftest import Asker
from tests.api.v1.calling import Program
from tests.factories import CENT, make_call, make_window
from tests.gateway.asking import a_request
from tests.gateway.books import assert_clean
from tests.web.chatting import CHOICES, ask, page, the_conversation, words

pytestmark = pytest.mark.django_db(transaction=True)

BEST, CHEAPER = "llama-3.3-70b-versatile", "openai/gpt-oss-120b"
PROMPT = "Explain quicksort"
WISHES = {"task_type": "general", "quality": "medium", "budget": 0.001}


@pytest.fixture
def budget(alice: User) -> Budget:
    """A third of it is gone on the third of thirty days."""
    budget = Budget.objects.get(user=alice)
    now = timezone.now()
    window = make_window(
        budget, starts_at=now - timedelta(days=3), ends_at=now + timedelta(days=27)
    )
    make_call(alice, windows=[window], cost_nanos=160 * CENT)
    return budget


def save_ahead_of_pace(client: Client, budget: Budget, *, on: bool = True) -> None:
    """As its owner does on the page of the limit."""
    sent = {"limit": "5", **({"pace_aware": "on"} if on else {})}
    assert client.post(reverse("budgets_edit", args=[budget.pk]), sent).status_code == 302


def test_every_face_saves_alike_and_says_so(
    client: Client, alice: User, budget: Budget, provider: ScriptedProvider
) -> None:
    client.force_login(alice)
    key = create_key(user=alice, name="a program")[1]
    asker, program = Asker(key), Program(key)
    assert asker.ask(PROMPT, **WISHES).json()["model"] == BEST  # off by default

    save_ahead_of_pace(client, budget)

    dry = asker.ask(PROMPT, dry_run=True, **WISHES).json()
    tag = words(client.post(reverse("chat_price"), {**CHOICES, "prompt": PROMPT},
                            headers={"HX-Request": "true"}))  # fmt: skip
    by_route = asker.ask(PROMPT, **WISHES).json()
    by_v1 = program.ask(PROMPT, router=WISHES).json()["router"]
    ask(client, PROMPT, script=False)

    for reply in (dry, by_route):
        saving = reply["decision"]["saving"]
        assert (reply["model"], saving["instead_of"]) == (CHEAPER, BEST)
        assert (saving["budget"], saving["near_equal_points"]) == ("Monthly limit", 5)
        assert saving["limit"] == 5
        assert saving["gone"] >= 1.6
        assert saving["window_seconds"] == 30 * 86_400
        assert reply["routing_reason"].startswith("Cheapest of near-equals for general tasks")
        assert "% of Monthly limit is gone and 10.0 % of its period" in reply["routing_reason"]
    assert (by_v1["model"], by_v1["saving"]["instead_of"]) == (CHEAPER, BEST)
    assert by_v1["saving"]["budget"] == "Monthly limit"
    assert "GPT-OSS 120B Cheapest of near-equals for general tasks, to save ahead of pace" in tag
    saved = list(RoutingDecision.objects.order_by("created_at"))[-3:]
    assert {decision.face for decision in saved} == {"route", "v1", "chat"}
    for decision in saved:
        assert decision.receipt["chosen"] == CHEAPER
        assert decision.receipt["saving"]["pace"]["budget_pk"] == budget.pk
        assert decision.receipt["saving"]["instead_of"] == BEST
        told = words(client.get(reverse("receipt", args=[decision.pk])))
        assert "of Monthly limit is gone and 10.0 % of its period" in told
        assert "at most 5 below the best comes first" in told
    shown = page(client.get(reverse("chat_conversation", args=[the_conversation(alice).pk])))
    assert "Cheapest of near-equals for general tasks" in shown
    assert "of Monthly limit is gone and 10.0 % of its period" in shown
    assert_clean()


def test_it_can_be_switched_off_again_and_both_are_in_the_audit_trail(
    client: Client, alice: User, budget: Budget
) -> None:
    client.force_login(alice)

    def chosen() -> str:
        shown = asyncio.run(service.preview(a_request(alice)))
        return shown.spec.id

    assert chosen() == BEST
    save_ahead_of_pace(client, budget)
    assert chosen() == CHEAPER
    save_ahead_of_pace(client, budget, on=False)
    assert chosen() == BEST
    entries = AuditEntry.objects.filter(action="limit.changed").order_by("pk")
    assert [(each.before, each.after, each.actor) for each in entries] == [
        ({"pace_aware": False}, {"pace_aware": True}, alice),
        ({"pace_aware": True}, {"pace_aware": False}, alice),
    ]

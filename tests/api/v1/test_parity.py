"""One gateway, three faces: the same request makes the same decision, journal and call."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.forms.models import model_to_dict
from django.test import Client

from router_app.budgets.limits import create_starting_budget
from router_app.gateway import engine
from router_app.gateway.cooling import cooling
from router_app.gateway.keys import create_key
from router_app.models import Call, LedgerEntry, RoutingDecision, User, Window
from router_app.providers.base import Billing, FailureKind, Finished, ProviderFailure, TextDelta
from router_app.providers.scripted import ScriptedProvider
from tests.api.conftest import Asker, exact
from tests.api.v1.calling import Program
from tests.gateway.books import assert_clean
from tests.web.chatting import ask as ask_in_chat

pytestmark = pytest.mark.django_db(transaction=True)

PROMPT = "Write a quicksort in Python, please."
WISHES = {"task_type": "code", "quality": "high", "budget": 0.002}
OF_ITS_OWN = {
    "id",
    "user",
    "workspace",
    "api_key",
    "face",
    "decision",
    "reservation",
    "window",
    "message",
}

Way = Callable[[User], Any]


def by_route(user: User) -> Any:
    return Asker(create_key(user=user, name="r")[1]).post({"prompt": PROMPT, **WISHES})


def by_v1(user: User) -> Any:
    return Program(create_key(user=user, name="v")[1]).ask(PROMPT, router=WISHES)


def by_v1_streamed(user: User) -> Any:
    return Program(create_key(user=user, name="s")[1]).ask(PROMPT, router=WISHES, stream=True)


def by_v1s_model_name(user: User) -> Any:
    program = Program(create_key(user=user, name="n")[1])
    return program.ask(PROMPT, model="auto:high:code", router={"budget": 0.002})


def by_chat(user: User) -> Any:
    client = Client()
    client.force_login(user)
    return ask_in_chat(client, PROMPT, script=False, task="code", quality="high", budget="0.002")


WAYS = [by_route, by_v1, by_v1_streamed, by_v1s_model_name, by_chat]
ANSWERED = (TextDelta("def "), TextDelta("quicksort"), Finished("stop", None))
BROKEN = (
    TextDelta("def "),
    ProviderFailure(FailureKind.BROKEN_STREAM, "cut", billing=Billing.UNKNOWN),
)


def books(way: Way) -> dict[str, Any]:
    """All that one person's request left behind, without what is its own."""
    user = User.objects.create_user(way.__name__)
    create_starting_budget(user)
    cooling.__init__()  # type: ignore[misc]  # no model rests because of the ways before
    way(user)
    asyncio.run(engine.wait_for_runs(10))
    decisions = RoutingDecision.objects.filter(user=user)
    entries = LedgerEntry.objects.filter(window__budget__user=user)
    return {
        "decisions": [_row(each) for each in decisions],
        "calls": [_row(each) for each in Call.objects.filter(user=user).order_by("attempt")],
        "journal": [_row(each) for each in entries.order_by("pk")],
        "windows": [_counters(each) for each in Window.objects.filter(budget__user=user)],
    }


def _row(row: Any) -> dict[str, Any]:
    return {
        name: _receipt(value) if name == "receipt" else value
        for name, value in model_to_dict(row).items()
        if name not in OF_ITS_OWN and not name.endswith("_at") and name != "at"
    }


def _receipt(receipt: dict[str, Any]) -> dict[str, Any]:
    """Without which budget's money it was: everybody's is another."""
    funds = [{**each, "budget_pk": None} for each in receipt["funds"]]
    return {**receipt, "funds": funds}


def _counters(window: Window) -> tuple[int, ...]:
    return window.spent_nanos, window.reserved_nanos, window.overage_nanos, window.limit_nanos


@pytest.mark.parametrize("script", [ANSWERED, BROKEN], ids=["answered", "broken"])
def test_the_same_books_by_every_way(
    script: Any, catalog: None, provider: ScriptedProvider
) -> None:
    provider.default = script

    found = [books(way) for way in WAYS]

    assert len(found[0]["calls"]) == 1
    assert len(found[0]["journal"]) == 2
    for each in found[1:]:
        assert each == found[0]
    sent = [(call.model, call.max_output_tokens, dict(call.extra)) for call in provider.calls]
    assert sent == [sent[0]] * len(WAYS)
    assert [list(call.messages) for call in provider.calls] == [
        [{"role": "user", "content": PROMPT}]
    ] * len(WAYS)
    assert_clean()


def test_the_same_books_where_another_model_has_to_answer(
    catalog: None, provider: ScriptedProvider
) -> None:
    refused = ProviderFailure(FailureKind.REJECTED, "no", billing=Billing.NOT_BILLED)

    found = []
    for way in WAYS:
        provider.enqueue(refused)
        found.append(books(way))

    assert [call["outcome"] for call in found[0]["calls"]] == ["failed", "answered"]
    for each in found[1:]:
        assert each == found[0]
    assert_clean()


def test_the_same_refusal(catalog: None, provider: ScriptedProvider) -> None:
    user = User.objects.create_user("carol")
    create_starting_budget(user)
    key = create_key(user=user, name="x")[1]
    wishes = {**WISHES, "budget": 0.000001}

    by_route = exact(Asker(key).post({"prompt": PROMPT, **wishes}))
    by_v1 = Program(key).ask(PROMPT, router=wishes)
    streamed = Program(key).ask(PROMPT, router=wishes, stream=True)

    assert by_v1.json() == streamed.json() == by_route
    assert by_v1.status == streamed.status == 402
    assert not provider.calls

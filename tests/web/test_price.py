"""The price tag in the composer: what sending would do, said before it is done."""

import html
import logging
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from router_app.budgets.limits import create_budget
from router_app.gateway import engine
from router_app.gateway.cooling import cooling
from router_app.models import (
    Budget,
    Call,
    Conversation,
    LanguageModel,
    LedgerEntry,
    Message,
    Reservation,
    RoutingDecision,
    User,
)
from router_app.money import plain_usd
from router_app.providers.base import Billing, FailureKind, ProviderFailure
from router_app.providers.scripted import ScriptedProvider
from tests.factories import CENT, make_conversation, make_exchange, make_team, make_user
from tests.web.chatting import CHOICES, HTMX, ask, last_answer, page, the_conversation, words

pytestmark = pytest.mark.django_db(transaction=True)

SMALL, BIG = "openai/gpt-oss-20b", "openai/gpt-oss-120b"
STORY = "Once upon a time there was a number. " * 400


@pytest.fixture(autouse=True)
def _signed_in(client: Client, alice: User) -> None:
    client.force_login(alice)


def price(client: Client, prompt: str = "Hi", *, script: bool = True, **fields: Any) -> Any:
    """The tag of this prompt, as the page asks for it with htmx, or its page without script."""
    data = {**CHOICES, "prompt": prompt, **fields}
    return client.post(reverse("chat_price"), data, headers=HTMX if script else {})


def amounts(response: Any) -> list[str]:
    """The exact amounts of a tag in USD, in order."""
    return re.findall(r'title="([\d.]+) USD"', page(response))


def long_conversation(alice: User, turns: int = 1) -> Conversation:
    """One whose earlier turns cost most of what its next answer does."""
    conversation = make_conversation(alice, title="A story")
    for number in range(turns):
        make_exchange(alice, f"Go on, {number}", STORY[: 20_000 // turns],
                      conversation=conversation)  # fmt: skip
    return conversation


class TestAnOffer:
    def test_says_how_much_by_whom_and_why_and_what_is_left(self, client: Client) -> None:
        shown = words(price(client))
        assert re.search(
            r"^Likely \$0\.0\d+ , at most \$0\.0\d+ \$5\.00 left of Monthly limit "
            r"Llama 3\.3 70B Versatile Best quality match for general tasks within budget$",
            shown,
        )

    def test_holds_sends_and_keeps_nothing(
        self, client: Client, provider: ScriptedProvider
    ) -> None:
        response = price(client)
        assert response["Cache-Control"].find("no-store") >= 0
        for table in (Reservation, LedgerEntry, RoutingDecision, Call, Message, Conversation):
            assert not table.objects.exists()
        assert not provider.calls

    def test_what_is_typed_is_in_no_log(
        self, client: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            price(client, "Zebrafish", budget="0.000001")
            price(client, "Zebrafish", script=False)
        assert "Zebrafish" not in caplog.text

    def test_names_the_tightest_limit_and_today(self, client: Client, alice: User) -> None:
        create_budget(user=alice, period="day", limit_nanos=50 * CENT)
        assert "$0.50 left today" in words(price(client))
        create_budget(user=alice, period="week", limit_nanos=10 * CENT, task_type="general")
        assert "$0.10 left of Weekly limit for general" in words(price(client))
        assert "$0.50 left today" in words(price(client, task="code"))

    def test_a_limit_on_another_model_is_not_what_is_left(
        self, client: Client, alice: User
    ) -> None:
        small = LanguageModel.objects.get(model_id=SMALL, provider__slug="demo")
        create_budget(user=alice, period="day", limit_nanos=CENT, model=small)
        assert "$5.00 left of Monthly limit" in words(price(client))
        assert "$0.01 left today" in words(price(client, model=SMALL))

    def test_says_when_the_quality_is_not_met(self, client: Client) -> None:
        shown = words(price(client, quality="high", budget="0.00008"))
        assert "below the quality asked for" in shown

    def test_without_any_limit_nothing_is_left_to_tell(self, client: Client, alice: User) -> None:
        Budget.objects.update(is_active=False)
        User.objects.update(unlimited=True)
        shown = words(price(client))
        assert "Likely" in shown
        assert "left" not in shown

    def test_names_are_not_markup(self, client: Client) -> None:
        Budget.objects.update(name="<b>Fat</b> limit")
        assert "&lt;b&gt;Fat" in page(price(client))
        assert "<b>Fat" not in page(price(client))


def _limit_for_code(alice: User) -> None:
    create_budget(user=alice, period="day", limit_nanos=CENT // 40, task_type="code")


def _limit_on_the_best(alice: User) -> None:
    for model in LanguageModel.objects.filter(name__startswith="Llama 3.3"):
        create_budget(user=alice, period="day", limit_nanos=1, model=model)


def _the_best_rests(alice: User) -> None:
    failure = ProviderFailure(FailureKind.SERVER, "down", billing=Billing.NOT_BILLED)
    for model in LanguageModel.objects.filter(name__startswith="Llama 3.3"):
        for _ in range(3):
            cooling.failed("demo", model.model_id, failure)


@pytest.mark.parametrize(
    ("arrange", "fields"),
    [
        (None, {}),
        (None, {"task": "code", "quality": "high", "budget": "0.01"}),
        (None, {"task": "email", "quality": "low"}),
        (None, {"model": SMALL}),
        (None, {"budget": "0.0001"}),
        (_limit_for_code, {"task": "code"}),
        (_limit_on_the_best, {}),
        (_the_best_rests, {}),
    ],
)
@pytest.mark.parametrize("has_earlier", [False, True])
def test_it_is_the_decision_that_sending_makes(
    client: Client, alice: User, provider: ScriptedProvider,
    arrange: Callable[[User], None] | None, fields: dict, has_earlier: bool,
) -> None:  # fmt: skip
    if arrange:
        arrange(alice)
    if has_earlier:
        make_exchange(alice, "Say something short", "Something short. " * 20)
        fields = {**fields, "conversation": the_conversation(alice).pk}

    tag = price(client, "And what else?", **fields)
    ask(client, "And what else?", script=False, **fields)

    call, decision = Call.objects.get(), RoutingDecision.objects.get()
    likely, at_most, *_ = amounts(tag)
    assert (likely, at_most) == (plain_usd(call.estimated_nanos), plain_usd(call.reserved_nanos))
    assert call.model.name in html.unescape(words(tag))
    assert f'title="{decision.receipt["reason"]}"' in html.unescape(page(tag))


def test_it_is_priced_in_the_workspace_that_was_chosen(client: Client, alice: User) -> None:
    team = make_team(make_user("ann"), member=[alice])
    create_budget(workspace=team, level="workspace", period="month", limit_nanos=2 * CENT,
                  name="Ours")  # fmt: skip
    assert "$5.00 left of Monthly limit" in words(price(client))
    client.post(reverse("workspaces_choose"), {"workspace": team.pk})
    assert "$0.02 left of Ours" in words(price(client))


class TestARefusal:
    def test_by_the_requests_own_budget(self, client: Client) -> None:
        shown = words(price(client, budget="0.000001"))
        assert "Too dear: $0.000001 is too little for this request" in shown
        assert re.search(r"needs \$0\.0\d+", shown)

    def test_by_a_limit_says_which_and_when_there_is_more(
        self, client: Client, alice: User
    ) -> None:
        create_budget(user=alice, period="day", limit_nanos=1_000)
        shown = words(price(client))
        assert "Too dear: “Daily limit” has $0.000001 left" in shown
        assert re.search(r"needs \$0\.0\d+ ; more from \d+ \w+ at 00:00", shown)

    def test_says_what_would_fit(self, client: Client, alice: User, provider: Any) -> None:
        ask(client, "Hi", budget="0.00002", model=SMALL)
        kept = last_answer(alice).error["refusal"]
        shown = words(price(client, budget="0.00002", model=SMALL))
        if kept["affordable_max_tokens"]:
            assert f"up to {kept['affordable_max_tokens']} tokens would fit" in shown
        assert plain_usd(kept["needed_nanos"]) in amounts(price(client, budget="0.00002",
                                                                model=SMALL))  # fmt: skip

    def test_without_any_budget(self, client: Client) -> None:
        Budget.objects.update(is_active=False)
        response = price(client)
        assert "No budget covers general requests." in words(response)
        assert reverse("budgets") in page(response)

    def test_by_a_model_that_is_gone(self, client: Client) -> None:
        LanguageModel.objects.filter(model_id=SMALL).update(status="off")
        for model in LanguageModel.objects.filter(model_id=SMALL):
            model.save()
        assert "This model is not there any more." in words(price(client, model=SMALL))

    def test_while_every_model_rests(self, client: Client) -> None:
        failure = ProviderFailure(FailureKind.SERVER, "down", billing=Billing.NOT_BILLED)
        for model in LanguageModel.objects.all():
            for _ in range(3):
                cooling.failed("demo", model.model_id, failure)
        assert "resting after failures" in words(price(client))

    def test_while_the_server_ends(self, client: Client) -> None:
        engine.leave()
        assert "The server is shutting down." in words(price(client))

    def test_of_a_viewer(self, client: Client, alice: User) -> None:
        team = make_team(make_user("ann"), viewer=[alice])
        client.post(reverse("workspaces_choose"), {"workspace": team.pk})
        assert price(client).status_code == 403
        assert "composer-price" not in page(client.get("/"))


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"prompt": " \n "}, ""),
        ({"prompt": "", "budget": "much"}, ""),
        ({"budget": "much"}, "Enter an amount in US dollars"),
        ({"budget": ""}, "Enter a budget"),
        ({"task": "poetry"}, "Select a valid choice"),
        ({"prompt": "nul \x00 in it"}, "Null characters are not allowed."),
    ],
)
def test_what_cannot_be_asked_is_said_while_typing(
    client: Client, fields: dict, complaint: str
) -> None:
    response = price(client, **{"prompt": "Hi", **fields})
    assert response.status_code == 200
    assert complaint in words(response)
    assert bool(complaint) == bool(response.content)


class TestEarlierTurns:
    def test_their_part_of_the_price_is_said(self, client: Client, alice: User) -> None:
        conversation = long_conversation(alice)
        shown = words(price(client, conversation=conversation.pk, budget="0.1"))
        percent = re.search(r"(\d+) % of it for earlier turns Start fresh", shown)
        assert percent
        assert int(percent[1]) > 90

    def test_the_part_is_what_a_fresh_start_saves(self, client: Client, alice: User) -> None:
        fields = {"budget": "0.1", "model": BIG}
        tag = price(client, conversation=long_conversation(alice).pk, **fields)
        whole, alone = Decimal(amounts(tag)[0]), Decimal(amounts(price(client, **fields))[0])
        assert f"{int(100 * (whole - alone) / whole)} % of it for earlier turns" in words(tag)

    def test_a_short_one_is_no_reason_to_start_fresh(self, client: Client, alice: User) -> None:
        make_exchange(alice, "Hi", "Hello.")
        shown = words(price(client, conversation=the_conversation(alice).pk))
        assert "of it for earlier turns" in shown
        assert "Start fresh" not in shown

    @pytest.mark.parametrize(("budget", "fits"), [("0.0002", True), ("0.000001", False)])
    def test_a_refusal_offers_to_leave_them_behind_where_that_helps(
        self, client: Client, alice: User, budget: str, fits: bool
    ) -> None:
        conversation = long_conversation(alice)
        shown = words(price(client, conversation=conversation.pk, budget=budget))
        assert "Too dear" in shown
        assert ("It would fit without earlier turns Start fresh" in shown) is fits

    @pytest.mark.parametrize("script", [True, False])
    def test_a_fresh_start_moves_what_was_typed(
        self, client: Client, alice: User, provider: ScriptedProvider, script: bool
    ) -> None:
        conversation = long_conversation(alice)
        response = price(client, "My <words>", script=script, conversation=conversation.pk,
                         fresh="1", task="email")  # fmt: skip
        shown = page(response)
        assert "My &lt;words&gt;</textarea>" in shown
        assert '<input type="hidden" name="conversation" value="">' in shown
        assert re.search(r'value="email"[^>]*checked', shown)
        assert "Likely" in shown
        assert "earlier turns" not in shown
        assert response.get("HX-Push-Url") == ("/" if script else None)
        assert Message.objects.count() == 2
        assert not provider.calls

    def test_nobody_elses_conversation_is_priced(self, client: Client, alice: User) -> None:
        other = User.objects.create_user("other", "other@example.org", "correct horse battery")
        theirs = make_exchange(other, "Mine", "Alone").conversation_id
        assert price(client, conversation=theirs).status_code == 404
        assert price(client, conversation=theirs, fresh="1").status_code == 404

    def test_a_longer_conversation_asks_the_database_no_more_often(
        self, client: Client, alice: User
    ) -> None:
        counts = []
        for turns in (1, 20):
            conversation = long_conversation(alice, turns)
            price(client, conversation=conversation.pk, budget="0.1")
            with CaptureQueriesContext(connection) as queries:
                price(client, conversation=conversation.pk, budget="0.1")
            counts.append(len(queries))
        assert counts[0] == counts[1]


class TestWithoutScript:
    def test_a_button_asks_for_the_page_with_its_price(self, client: Client) -> None:
        shown = page(client.get("/"))
        assert re.search(
            r'<noscript><button [^>]*form="composer" formaction="/price/">Price</button>', shown
        )

    def test_nothing_typed_is_lost(self, client: Client, alice: User) -> None:
        make_exchange(alice, "Hi", "Hello.")
        pk = the_conversation(alice).pk
        response = price(client, "My\r\nwords", script=False, conversation=pk, task="code",
                         quality="high", budget="0.005", model=SMALL)  # fmt: skip
        shown = response.content.decode()
        assert response.status_code == 200
        assert "My\nwords</textarea>" in shown
        assert re.search(r'value="code"[^>]*checked', shown)
        assert re.search(r'value="high"[^>]*checked', shown)
        assert 'name="budget" value="0.005"' in shown
        assert f'value="{SMALL}" selected' in shown
        assert f'name="conversation" value="{pk}"' in shown
        assert "GPT-OSS 20B was asked for by name" in words(response)
        assert Message.objects.count() == 2

    def test_a_refusal_is_told_on_the_page_too(self, client: Client) -> None:
        response = price(client, script=False, budget="0.000001")
        assert response.status_code == 200
        assert "Too dear: $0.000001 is too little" in words(response)

    def test_what_is_wrong_is_said_in_the_form(self, client: Client) -> None:
        response = price(client, "", script=False)
        assert response.status_code == 422
        assert "Write a prompt first." in words(response)

"""Asking in the chat: with script and without, with what was chosen, and what is refused."""

import html
import re
import uuid

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from router_app.budgets.limits import create_budget
from router_app.errors import InvalidRequest
from router_app.gateway.requests import MAX_PROMPT_CHARACTERS
from router_app.models import Budget, Call, Conversation, Message, Reservation, User
from router_app.providers.base import (
    Billing,
    FailureKind,
    ProviderFailure,
)
from router_app.providers.scripted import Gate, ScriptedProvider
from router_app.web.composer import Choices, slider_position
from router_app.web.exchanges import TITLE_CHARACTERS, Exchange, first_exchange, title_of
from tests.web.chatting import (
    again,
    ask,
    follow,
    last_answer,
    page,
    says,
    the_conversation,
    words,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _signed_in(client: Client, alice: User) -> None:
    client.force_login(alice)


def test_a_new_conversation_says_what_one_can_do(client: Client, alice: User) -> None:
    alice.default_task, alice.default_quality = "email", "high"
    alice.default_budget_nanos = 2_500_000
    alice.save()

    shown = page(client.get("/"))

    assert shown.count("data-fill=") >= 3
    assert re.search(r'value="email"[^>]*checked', shown)
    assert re.search(r'value="high"[^>]*checked', shown)
    assert re.search(r'name="budget" value="0.0025"', shown)
    assert "The router chooses" in shown
    assert "GPT-OSS 120B" in shown


def test_an_example_fills_the_composer_without_script_too(client: Client) -> None:
    example = re.search(r'class="example" href="([^"]+)"', page(client.get("/")))
    shown = page(client.get(html.unescape(example[1])))
    assert "merges overlapping intervals, with tests.</textarea>" in shown
    assert re.search(r'value="code"[^>]*checked', shown)


def test_without_script_the_post_waits_and_shows_everything(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    provider.enqueue(*says("It is **Canberra**.", reads=12, tokens=7))

    response = ask(client, "What is the capital of Australia?", script=False)

    conversation = the_conversation(alice)
    address = reverse("chat_conversation", args=[conversation.pk])
    assert response["Location"].startswith(address)
    shown = page(client.get(address))
    assert "What is the capital of Australia?" in shown
    assert "It is <strong>Canberra</strong>." in shown
    assert "19 tokens" in shown
    assert "Model selection details" in shown
    assert "Cost breakdown" in shown
    assert "Best quality match for general tasks within budget" in shown
    cost = Call.objects.get().cost_nanos
    assert cost == 12 * 590 + 7 * 790
    assert f'title="0.{cost:09d}'.rstrip("0") in shown
    assert "in all" in shown


def test_asking_in_a_conversation_appends(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    ask(client, "First", script=False)
    conversation = the_conversation(alice)
    provider.gate = gate = Gate()

    response = ask(client, "Second <b>", conversation=conversation.pk)

    shown = page(response)
    assert "<html" not in shown
    assert "Second &lt;b&gt;" in shown
    assert "First" not in shown
    answer = last_answer(alice)
    assert f'data-stream="/m/{answer.pk}/stream/?from=0"' in shown
    assert 'id="header-gauge" hx-swap-oob="true"' in shown
    assert "HX-Push-Url" not in response
    gate.open()
    assert follow(alice, answer)[-1][0] == "done"


def test_a_conversation_that_begins_brings_its_address_title_and_place(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    response = ask(client, "Hi there")

    conversation = the_conversation(alice)
    shown = page(response)
    assert response["HX-Push-Url"] == f"/c/{conversation.pk}/"
    assert response["HX-Retarget"] == "#content"
    assert "<title>Hi there" in shown
    for part in ("chat-heading", "chat-actions", "rail-conversations", "header-gauge"):
        assert re.search(rf'id="{part}"[^>]*hx-swap-oob="true"', shown)
    assert f'name="conversation" value="{conversation.pk}"' in shown


def test_what_is_held_for_an_answer_is_shown_while_it_is_written(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    provider.gate = gate = Gate()
    ask(client, "Hi there")
    held = Reservation.objects.get().amount_nanos

    shown = page(client.get(reverse("header_gauge")))

    assert held > 0
    assert f'title="0.{held:09d}'.rstrip("0") in shown
    gate.open()


def test_choices_are_kept_within_the_conversation(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    ask(
        client, "Hi", script=False,
        task="code", quality="low", budget="0.005", model="openai/gpt-oss-20b",
    )  # fmt: skip

    shown = page(client.get(reverse("chat_conversation", args=[the_conversation(alice).pk])))

    assert re.search(r'value="code"[^>]*checked', shown)
    assert re.search(r'value="low"[^>]*checked', shown)
    assert re.search(r'name="budget" value="0.005"', shown)
    assert re.search(r'value="openai/gpt-oss-20b" selected', shown)
    assert provider.calls[0].model == "openai/gpt-oss-20b"
    assert last_answer(alice).decision.task_type == "code"


def test_a_stand_in_says_so(client: Client, alice: User, provider: ScriptedProvider) -> None:
    ask(client, "Hi", script=False)
    shown = words(client.get(reverse("chat_conversation", args=[the_conversation(alice).pk])))
    assert "Written by a stand-in (SmolLM2 135M) for Llama 3.3 70B Versatile." in shown


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"prompt": "  \n "}, "Write a prompt first."),
        ({"prompt": "x" * (MAX_PROMPT_CHARACTERS + 1)}, "at most 100000 characters"),
        ({"prompt": "nul \x00 in it"}, "Null characters are not allowed."),
        ({"budget": "a lot"}, "Enter an amount in US dollars"),
        ({"budget": "0"}, "The smallest amount"),
        ({"budget": "-1"}, "Enter an amount in US dollars"),
        ({"budget": ""}, "Enter a budget"),
        ({"task": "poetry"}, "Select a valid choice"),
        ({"quality": ""}, "required"),
        ({"model": "gpt-9"}, "This model is not there any more"),
    ],
)
@pytest.mark.parametrize("script", [True, False])
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    client: Client, provider: ScriptedProvider, fields: dict, complaint: str, script: bool
) -> None:
    data = {"prompt": "A prompt <to> keep", **fields}

    response = ask(client, **data, script=script)

    assert response.status_code == 422
    shown = page(response)
    assert complaint in html.unescape(shown)
    if "prompt" not in fields:
        assert "A prompt &lt;to&gt; keep</textarea>" in shown
    assert not provider.calls
    assert not Conversation.objects.exists()


def test_a_conversation_that_is_none_is_not_found(client: Client, alice: User) -> None:
    assert ask(client, "Hi", conversation="nonsense").status_code == 404
    assert ask(client, "Hi", conversation=uuid.uuid4()).status_code == 404
    assert not Message.objects.exists()


def test_a_prompt_of_the_greatest_length_with_its_line_breaks_fits(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    prompt = "a\r\n" * (MAX_PROMPT_CHARACTERS // 2)  # as a browser sends line breaks
    ask(client, prompt, script=False, budget="1", task="summarize")
    asked = Message.objects.get(role="user")
    assert len(asked.text) == MAX_PROMPT_CHARACTERS - 1  # stripped at its end
    assert "\r" not in asked.text


def test_the_words_of_a_prompt_are_not_markup(client: Client, alice: User) -> None:
    ask(client, '<script>alert(1)</script><div hx-get="/x">', budget="0.000001")
    shown = page(client.get(reverse("chat_conversation", args=[the_conversation(alice).pk])))
    assert "<script>alert" not in shown
    assert "<div hx-get" not in shown


def test_a_refusal_says_which_limit_what_is_left_and_what_would_fit(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    create_budget(user=alice, period="day", limit_nanos=4_000, name="Pocket money")

    response = ask(client, "Too dear")

    assert response.status_code == 200
    assert "chat:refused" in response["HX-Trigger"]  # so the composer keeps the words
    shown = words(response)
    assert "“Pocket money” does not allow it" in html.unescape(shown)
    assert "Nothing was charged." in shown
    for label in ("Limit $0.000004", "Spent $0.00", "Held $0.00", "Left $0.000004", "Resets on"):
        assert label in shown
    assert "Needed at least" in shown
    assert "Llama 3.1 8B Instant" in shown
    assert 'href="/budgets/"' in page(response)
    assert not provider.calls
    refused = last_answer(alice)
    assert refused.state == Message.State.REFUSED
    assert refused.decision is None
    assert refused.error["code"] == "budget_exceeded"


def test_a_refusal_shows_midnight_where_its_reader_lives(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    alice.time_zone = "Africa/Cairo"
    alice.save()
    create_budget(user=alice, period="day", limit_nanos=4_000)
    assert "at 00:00, Cairo time" in words(ask(client, "Too dear"))


def test_after_a_refusal_the_words_wait_in_the_composer(client: Client, alice: User) -> None:
    ask(client, "Too dear <for> this", script=False, budget="0.000001")
    conversation = the_conversation(alice)

    shown = page(client.get(reverse("chat_conversation", args=[conversation.pk])))

    assert "Too dear &lt;for&gt; this</textarea>" in shown
    assert re.search(r'name="budget" value="0.000001"', shown)


def test_asking_the_same_after_a_refusal_takes_its_place(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    ask(client, "Too dear", budget="0.000001")
    refused = last_answer(alice)

    response = ask(client, "Too dear", conversation=refused.conversation_id)

    assert f'id="m-{refused.pk}" hx-swap-oob="delete"' in page(response)
    assert [m.role for m in Message.objects.order_by("created_at")] == ["user", "assistant"]
    assert follow(alice, last_answer(alice))[-1][0] == "done"


def test_a_refusal_offers_the_budget_that_is_needed(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    response = ask(client, "Too dear", budget="0.000001")
    needed = re.search(r'name="budget" value="([0-9.]+)"[^<]*<button', page(response))

    again(client, last_answer(alice), script=False, budget=needed[1])

    answer = last_answer(alice)
    assert answer.state == Message.State.COMPLETE
    assert Message.objects.count() == 2
    assert Call.objects.get().reserved_nanos <= 1_000_000


def test_a_refusal_about_a_shorter_answer_can_be_taken_up(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    response = ask(client, "Hi", budget="0.0000065")
    offered = re.search(r'name="max_tokens" value="(\d+)"', page(response))
    assert f"an answer of up to {offered[1]} tokens" in words(response)

    again(client, last_answer(alice), script=False, max_tokens=offered[1])

    assert last_answer(alice).state == Message.State.COMPLETE
    assert provider.calls[0].max_output_tokens <= int(offered[1])


def test_a_conversation_begun_with_a_refusal_keeps_the_words(client: Client, alice: User) -> None:
    shown = page(ask(client, "Too dear", budget="0.000001"))
    assert "Too dear</textarea>" in shown
    assert 'id="composer"' in shown


def test_without_any_budget_nothing_is_sent(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    Budget.objects.all().delete()
    shown = html.unescape(words(ask(client, "Hi")))
    assert "Not sent: no budget covers this request" in shown
    assert "Limit $" not in shown
    assert not provider.calls


def test_one_answer_at_a_time(client: Client, alice: User, provider: ScriptedProvider) -> None:
    provider.gate = gate = Gate()
    ask(client, "First")
    conversation = the_conversation(alice)

    with_script = ask(client, "Second", conversation=conversation.pk)
    without = ask(client, "Second", conversation=conversation.pk, script=False)

    assert with_script.status_code == without.status_code == 409
    assert with_script["HX-Reswap"] == "none"  # what was typed stays where it is
    assert "still being written" in with_script["HX-Trigger"]
    assert "still being written" in page(without)
    assert "Second</textarea>" in page(without)
    assert Reservation.objects.count() == 1  # nothing stays held for what was not asked
    assert Message.objects.count() == 2
    gate.open()


def test_of_two_processes_that_ask_at_once_the_database_lets_one(
    client: Client, alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.gate = gate = Gate()
    ask(client, "First")
    monkeypatch.setattr(Exchange, "_touch_conversation", lambda exchange: None)  # looked too early

    response = ask(client, "Second", conversation=the_conversation(alice).pk)

    assert response.status_code == 409
    assert Reservation.objects.count() == 1
    assert Message.objects.count() == 2
    gate.open()


def test_a_record_that_was_undone_can_be_written_again(alice: User) -> None:
    own = alice.memberships.get()
    exchange = first_exchange(own, "Hi", Choices("general", "low", 1_000))
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        exchange.record(InvalidRequest("no"))
        1 / 0  # noqa: B018
    exchange.record(InvalidRequest("no"))
    assert Message.objects.count() == 2
    assert last_answer(alice).pk == exchange.answer_id


def test_a_provider_that_fails_is_no_answer_and_costs_nothing(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    provider.default = (
        ProviderFailure(FailureKind.REJECTED, "no", billing=Billing.NOT_BILLED, status=400),
    )
    ask(client, "Hi", script=False)
    shown = words(client.get(reverse("chat_conversation", args=[the_conversation(alice).pk])))
    assert "No answer" in shown
    assert "Nothing was charged." in shown
    assert "Ask again" in shown


def test_asking_again_folds_the_earlier_answer_and_keeps_its_cost(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    provider.enqueue(*says("First try"))
    provider.enqueue(*says("Second try"))
    ask(client, "Hi", script=False)
    first = last_answer(alice)

    response = again(client, first, task="code", quality="high", budget="0.002")

    shown = page(response)
    assert re.search(rf'id="m-{first.pk}"[^>]*hx-swap-oob="true"', shown)
    assert "An earlier answer" in shown
    answer = last_answer(alice)
    follow(alice, answer)
    answer.refresh_from_db()
    assert answer.text == "Second try"
    assert answer.decision.task_type == "code"
    assert Message.objects.filter(role="user").count() == 1
    whole = words(client.get(reverse("chat_conversation", args=[answer.conversation_id])))
    total = sum(call.cost_nanos for call in Call.objects.all())
    assert f"${total / 1e9:.7f}".rstrip("0") in whole
    assert len(provider.calls[1].messages) == 1  # the first try does not go along


def test_only_the_last_answer_can_be_asked_for_again(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    ask(client, "One", script=False)
    first = last_answer(alice)
    ask(client, "Two", script=False, conversation=first.conversation_id)
    assert again(client, first).status_code == 409
    assert again(client, first, script=False).status_code == 409
    assert len(provider.calls) == 2


def test_asking_again_in_bad_words_asks_as_before(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    ask(client, "One", script=False)
    again(client, last_answer(alice), script=False, budget="much", max_tokens="-5")
    answer = last_answer(alice)
    assert answer.state == Message.State.COMPLETE
    assert answer.decision.budget_nanos == 1_000_000


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("Hi", "Hi"),
        ("two\n\n  lines", "two lines"),
        ("word " * 30, "word " * 11 + "word…"),
        ("x" * 200, "x" * TITLE_CHARACTERS + "…"),
    ],
)
def test_titles_are_the_beginning_of_the_prompt(prompt: str, title: str) -> None:
    assert title_of(prompt) == title


@pytest.mark.parametrize(
    ("nanos", "step"),
    [(100_000, 0), (1_000_000, 100), (10_000_000, 200), (1, 0), (10**12, 200)],
)
def test_the_slider_is_logarithmic(nanos: int, step: int) -> None:
    assert slider_position(nanos) == step


def test_a_page_of_the_chat_has_nothing_inline(client: Client, provider: ScriptedProvider) -> None:
    ask(client, "Hi", script=False)
    for address in ("/", reverse("chat_conversation", args=[Conversation.objects.get().pk])):
        shown = page(client.get(address))
        assert " style=" not in shown
        assert "<style" not in shown
        assert not re.search(r"<script(?![^>]*\bsrc=)", shown)
        assert not re.search(r"\son\w+=", shown)


def test_more_refusals_ask_the_database_no_more_often(client: Client, alice: User) -> None:
    counts = []
    for number in range(3):
        begun = Conversation.objects.first()
        more = {"conversation": str(begun.pk)} if begun else {}
        ask(client, f"Question {number}", budget="0.000000001", **more)
        address = reverse("chat_conversation", args=[the_conversation(alice).pk])
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2]

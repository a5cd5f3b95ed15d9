"""How answers end that do not simply end, what they cost, and what can be done about it."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from router_app.models import Call, Message, User
from router_app.money import format_usd
from router_app.providers.base import Finished, ReasoningDelta, TextDelta, Usage
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.web.chatting import (
    HTMX,
    again,
    ask,
    follow,
    last_answer,
    page,
    says,
    until,
    words,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _signed_in(client: Client, alice: User) -> None:
    client.force_login(alice)


def shown_to(client: Client, user: User) -> str:
    address = reverse("chat_conversation", args=[last_answer(user).conversation_id])
    return words(client.get(address))


@pytest.mark.parametrize("script", [True, False])
def test_stop_keeps_what_was_written_and_says_what_was_charged(
    client: Client, alice: User, provider: ScriptedProvider, script: bool
) -> None:
    gate = Gate()
    provider.enqueue(TextDelta("As far as"), gate, *says(" this"))
    ask(client, "Hi")
    answer = last_answer(alice)
    until(lambda: Message.objects.get(pk=answer.pk).text)

    address = reverse("chat_stop", args=[answer.pk])
    response = client.post(address, headers=HTMX if script else {})

    assert response.status_code == (204 if script else 302)
    events = follow(alice, answer, has=9)
    assert [name for name, _, _ in events] == ["done"]
    answer.refresh_from_db()
    assert (answer.state, answer.text) == (Message.State.STOPPED, "As far as")
    call = Call.objects.get()
    assert 0 < call.cost_nanos < call.reserved_nanos
    charged = format_usd(call.cost_nanos)
    shown = shown_to(client, alice)
    assert f"Stopped. {charged} was charged for what ran, counted by us." in shown
    gate.open()


def test_stopping_what_has_ended_changes_nothing(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    ask(client, "Hi", script=False)
    answer = last_answer(alice)
    assert client.post(reverse("chat_stop", args=[answer.pk]), headers=HTMX).status_code == 204
    assert last_answer(alice).state == Message.State.COMPLETE


def test_a_cut_answer_says_so_and_can_be_continued(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    provider.enqueue(TextDelta("One, two,"), Finished("length", Usage(10, 300)))
    provider.enqueue(*says("three."))
    ask(client, "Count", script=False, task="email", budget="0.002")

    shown = shown_to(client, alice)
    assert re.search(r"The answer reached its limit of [\d,]+ tokens and ends there\.", shown)
    assert "Continue" in shown

    address = reverse("chat_conversation", args=[last_answer(alice).conversation_id])
    shown = page(client.get(address))
    form = re.search(r"(<form[^>]*>(?:(?!</form>).)*Continue exactly.*?</form>)", shown)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[1]))
    client.post(reverse("chat_send"), fields)

    answer = last_answer(alice)
    assert answer.text == "three."
    assert answer.decision.task_type == "email"
    assert [m["content"] for m in provider.calls[1].messages] == [
        "Count", "One, two,", "Continue exactly where you stopped.",
    ]  # fmt: skip


def test_thinking_without_a_word_is_said_charged_and_offered_again_with_more_room(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    provider.enqueue(ReasoningDelta("hm"), Finished("length", Usage(10, 300, reasoning_tokens=300)))
    ask(client, "Prove it", script=False, budget="0.0005")
    thought = last_answer(alice)
    cap = provider.calls[0].max_output_tokens

    shown = shown_to(client, alice)
    assert f"spent its whole allowance of {cap:,} tokens thinking" in shown
    assert f"{format_usd(Call.objects.get().cost_nanos)} was charged" in shown
    assert f"Again with room for {cap * 4:,} tokens, up to $0.002" in shown

    form = page(client.get(reverse("chat_conversation", args=[thought.conversation_id])))
    fields = dict(
        re.findall(r'<input type="hidden" name="(budget|max_tokens)" value="([^"]*)"', form)
    )
    assert fields == {"budget": "0.002", "max_tokens": str(cap * 4)}
    again(client, thought, script=False, **fields)

    answer = last_answer(alice)
    assert answer.state == Message.State.COMPLETE
    assert answer.decision.budget_nanos == 2_000_000
    assert provider.calls[1].max_output_tokens > cap


def test_an_answer_without_words_says_so(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    provider.enqueue(Finished("stop", Usage(10, 1)))
    ask(client, "Hi", script=False)
    assert "The model ended without writing anything." in shown_to(client, alice)


def test_a_broken_stream_keeps_what_came(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    provider.enqueue(TextDelta("As far as this"))
    ask(client, "Hi", script=False)
    shown = shown_to(client, alice)
    assert "As far as this" in shown
    assert "broke before the answer was whole" in shown
    assert "counted by us" in shown

"""Which earlier turns go along, what of the price they are, and when to start fresh."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from router_app.models import Message, User
from router_app.providers.base import Finished, TextDelta, Usage
from router_app.providers.scripted import ScriptedProvider
from router_app.web.memory import CONTEXT_CHARACTERS, Memory, Turn, answered_turns, remember
from tests.web.chatting import ask, last_answer, page, the_conversation, words

USER, ASSISTANT = Message.Role.USER, Message.Role.ASSISTANT
State = Message.State


def said(*messages: tuple[str, str] | tuple[str, str, str]) -> list[Message]:
    """Messages from (role, text, state)."""
    return [
        Message(role=m[0], text=m[1], state=m[2] if len(m) > 2 else "complete") for m in messages
    ]


def test_whole_and_stopped_answers_go_along_with_their_questions() -> None:
    turns = answered_turns(
        said((USER, "a"), (ASSISTANT, "A"), (USER, "b"), (ASSISTANT, "B", State.STOPPED))
    )
    assert turns == [Turn("a", "A"), Turn("b", "B")]


@pytest.mark.parametrize("state", [State.REFUSED, State.FAILED, State.INTERRUPTED, State.WRITING])
def test_a_question_without_an_answer_stays_behind(state: str) -> None:
    turns = answered_turns(
        said((USER, "a"), (ASSISTANT, "x", state), (USER, "b"), (ASSISTANT, "B"))
    )
    assert turns == [Turn("b", "B")]


def test_an_empty_answer_stays_behind() -> None:
    assert answered_turns(said((USER, "a"), (ASSISTANT, ""))) == []


def test_of_several_answers_the_latest_whole_one_goes_along() -> None:
    turns = answered_turns(
        said((USER, "a"), (ASSISTANT, "1"), (ASSISTANT, "2"), (ASSISTANT, "3", State.FAILED))
    )
    assert turns == [Turn("a", "2")]


def test_the_oldest_turns_are_dropped_whole() -> None:
    third = CONTEXT_CHARACTERS // 3
    turns = [Turn("q", "x" * (third - 1)) for _ in range(4)]
    memory = remember(turns)
    assert len(memory.turns) == 3
    assert memory.left_out == 1
    assert memory.characters <= CONTEXT_CHARACTERS


def test_one_enormous_turn_leaves_nothing_to_go_along() -> None:
    assert remember([Turn("q", "x" * CONTEXT_CHARACTERS)]) == Memory((), left_out=1)


def test_the_share_is_by_length() -> None:
    memory = remember([Turn("a" * 50, "b" * 250)])
    assert memory.share_of(400, "c" * 100) == 300
    assert Memory().share_of(400, "c") == 0
    assert Memory().share_of(0, "") == 0


@pytest.mark.django_db(transaction=True)
class TestInTheChat:
    @pytest.fixture(autouse=True)
    def _signed_in(self, client: Client, alice: User) -> None:
        client.force_login(alice)

    def test_earlier_turns_are_sent_and_their_price_is_said(
        self, client: Client, alice: User, provider: ScriptedProvider
    ) -> None:
        provider.enqueue(TextDelta("x" * 985), Finished("stop", Usage(20, 250)))
        provider.enqueue(TextDelta("Fine."), Finished("stop", Usage(1_420, 2)))
        ask(client, "Tell me a story", script=False, budget="0.01")
        conversation = the_conversation(alice)

        ask(client, "Go on", script=False, conversation=conversation.pk, budget="0.01")

        assert [m["role"] for m in provider.calls[1].messages] == ["user", "assistant", "user"]
        shown = words(client.get(reverse("chat_conversation", args=[conversation.pk])))
        assert "Of 1,420 input tokens about 1,413 were earlier turns." in shown
        assert "Start fresh" in shown

    def test_a_short_memory_is_no_reason_to_start_fresh(
        self, client: Client, alice: User, provider: ScriptedProvider
    ) -> None:
        ask(client, "Hi", script=False)
        conversation = the_conversation(alice)
        ask(client, "And now?", script=False, conversation=conversation.pk)
        assert "Start fresh" not in words(client.get(f"/c/{conversation.pk}/"))

    def test_the_page_says_when_turns_no_longer_go_along(
        self, client: Client, alice: User, provider: ScriptedProvider
    ) -> None:
        provider.enqueue(TextDelta("x" * CONTEXT_CHARACTERS), Finished("stop", Usage(20, 6_000)))
        ask(client, "Tell me a story", script=False, budget="0.1")
        conversation = the_conversation(alice)
        address = reverse("chat_conversation", args=[conversation.pk])
        assert "The oldest 1 turn of this conversation no longer goes along" in words(
            client.get(address)
        )

        ask(client, "Go on", script=False, conversation=conversation.pk, budget="0.1")

        assert len(provider.calls[1].messages) == 1
        assert str(CONTEXT_CHARACTERS) in words(client.get(address))

    def test_a_refusal_with_earlier_turns_offers_to_ask_without_them(
        self, client: Client, alice: User, provider: ScriptedProvider
    ) -> None:
        provider.enqueue(TextDelta("x" * 20_000), Finished("stop", Usage(20, 5_000)))
        ask(client, "Tell me a story", script=False, budget="0.1")
        conversation = the_conversation(alice)
        response = ask(client, "Go on", conversation=conversation.pk, budget="0.0003")
        assert last_answer(alice).state == State.REFUSED
        form = re.search(
            r"(<form(?:(?!</form>).)*without the earlier turns.*?</form>)", page(response)
        )
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[1]))

        client.post(reverse("chat_send"), fields)

        fresh = last_answer(alice)
        assert fresh.state == State.COMPLETE
        assert fresh.conversation_id != conversation.pk
        assert len(provider.calls[1].messages) == 1

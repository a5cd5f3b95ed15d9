"""The list of conversations: search, rename, delete, export; and what is a stranger's."""

import json
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from router_app.models import Call, Conversation, Message, RoutingDecision, User
from router_app.providers.base import TextDelta
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.factories import (
    make_call,
    make_conversation,
    make_decision,
    make_exchange,
    make_model,
    make_user,
)
from tests.web.chatting import HTMX, ask, last_answer, page, says, the_conversation


class TestList:
    pytestmark = pytest.mark.django_db

    @pytest.fixture
    def bob(self, client: Client) -> User:
        user = make_user("bob")
        client.force_login(user)
        return user

    def test_nothing_yet_says_what_will_be_here(self, client: Client, bob: User) -> None:
        assert "No conversations yet" in page(client.get(reverse("chat_conversations")))

    def test_the_newest_is_first_in_the_rail_and_in_the_list(
        self, client: Client, bob: User
    ) -> None:
        for name in ("older", "newer"):
            make_conversation(bob, title=f"The {name} one")
        for address in ("/", reverse("chat_conversations")):
            shown = page(client.get(address))
            assert shown.index("The newer one") < shown.index("The older one")

    @pytest.mark.parametrize("query", ["zebra", "ZEBRA", "stripes", "zebra stripes", "of zebras"])
    def test_search_finds_words_in_titles_questions_and_answers(
        self, client: Client, bob: User, query: str
    ) -> None:
        make_exchange(bob, "Tell me of zebras", "They have <b>stripes</b>.")
        make_exchange(bob, "Something else", "Entirely.")
        for address in ("/", reverse("chat_conversations")):
            shown = page(client.get(address, {"q": query}))
            main = shown[shown.index("<main") :]
            assert "Tell me of zebras" in main
            assert "Something else" not in main
            assert "<b>stripes" not in main

    @pytest.mark.parametrize("query", ["%", "_", "\\", "'; --", "\x00", "100%"])
    def test_signs_are_searched_for_as_they_are(
        self, client: Client, bob: User, query: str
    ) -> None:
        make_exchange(bob, "Plain", "Words")
        response = client.get("/", {"q": query})
        assert response.status_code == 200
        if query.strip("\x00"):
            assert "Nothing found" in page(response)

    def test_many_conversations_come_in_pages(self, client: Client, bob: User) -> None:
        for number in range(35):
            make_conversation(bob, title=f"Conversation {number}")
        first = page(client.get(reverse("chat_conversations")))
        assert "Page 1 of 2" in first
        second = page(client.get(reverse("chat_conversations"), {"page": 2}))
        assert "Conversation 0<" in second[second.index("<main") :]

    def test_rename(self, client: Client, bob: User) -> None:
        found = make_conversation(bob, title="Before")
        address = reverse("chat_rename", args=[found.pk])
        assert 'value="Before"' in page(client.get(address))
        assert "<html" not in page(client.get(address, headers=HTMX))
        assert "required" in page(client.post(address, {"title": " "}))

        response = client.post(address, {"title": "After <b>"})

        assert response["Location"] == reverse("chat_conversation", args=[found.pk])
        assert "After &lt;b&gt;" in page(client.get(response["Location"]))

    def test_delete_asks_first_and_leaves_the_books_alone(self, client: Client, bob: User) -> None:
        decision = make_decision(bob, models=[make_model()])
        make_call(bob, decision=decision)
        found = make_exchange(bob, "Secret", "Words", decision=decision).conversation
        address = reverse("chat_delete", args=[found.pk])

        assert "gone for good" in page(client.get(address))
        assert Conversation.objects.exists()
        response = client.post(address)

        assert response["Location"] == "/"
        assert not Conversation.objects.exists()
        assert not Message.objects.exists()
        assert Call.objects.count() == RoutingDecision.objects.count() == 1

    def test_export_as_json(self, client: Client, bob: User) -> None:
        decision = make_decision(bob, models=[make_model()])
        call = make_call(bob, decision=decision, cost_nanos=63_000)
        found = make_exchange(bob, "Frage: ü?", "**Answer**", decision=decision).conversation

        response = client.get(reverse("chat_export_json", args=[found.pk]))

        assert response["Content-Type"] == "application/json"
        assert response["Content-Disposition"] == 'attachment; filename="frage-u.json"'
        exported = json.loads(response.content)
        assert exported["total_cost_usd"] == "0.000063"
        question, answer = exported["messages"]
        assert question["text"] == "Frage: ü?"
        assert answer["text"] == "**Answer**"
        assert answer["model"] == call.model.model_id
        assert answer["cost_usd"] == "0.000063"
        assert (answer["input_tokens"], answer["output_tokens"]) == (40, 200)

    def test_export_as_markdown(self, client: Client, bob: User) -> None:
        decision = make_decision(bob, models=[make_model()])
        make_call(bob, decision=decision, cost_nanos=63_000)
        found = make_exchange(bob, "A question", "**Answer**", decision=decision).conversation
        Message.objects.create(
            conversation=found, role="assistant", state="refused", error={"message": "Too dear."}
        )

        response = client.get(reverse("chat_export_md", args=[found.pk]))

        text = response.content.decode()
        assert text.startswith("# A question\n\nTotal cost: $0.000063\n\n## You\n\nA question\n")
        assert "**Answer**\n\n*complete, $0.000063*" in text
        assert text.endswith("## Not sent\n\nToo dear.\n")

    def test_a_title_without_letters_still_gives_a_file_name(
        self, client: Client, bob: User
    ) -> None:
        found = make_conversation(bob, title='"\r\nX-Evil: 1" 漢字')
        response = client.get(reverse("chat_export_md", args=[found.pk]))
        assert response["Content-Disposition"] == 'attachment; filename="x-evil-1.md"'

    def test_a_long_conversation_shows_its_end_first(self, client: Client, bob: User) -> None:
        found = make_exchange(bob, "The very first", "ok").conversation
        for number in range(40):
            make_exchange(bob, f"Question {number}", "ok", conversation=found)
        address = reverse("chat_conversation", args=[found.pk])
        shown = page(client.get(address))
        main = shown[shown.index('id="turns"') :]
        assert "Question 39" in main
        assert "The very first" not in main
        assert "The very first" in page(client.get(address, {"all": "1"}))

    def test_a_very_long_question_is_folded(self, client: Client, bob: User) -> None:
        found = make_exchange(bob, "word " * 5_000, "ok").conversation
        shown = page(client.get(reverse("chat_conversation", args=[found.pk])))
        assert "Show all 25000 characters" in shown


@pytest.mark.django_db(transaction=True)
def test_deleting_a_conversation_stops_its_answer(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    client.force_login(alice)
    provider.enqueue(TextDelta("Half"), gate := Gate(), *says(" and half"))
    ask(client, "Hi")

    client.post(reverse("chat_delete", args=[the_conversation(alice).pk]))

    assert not Conversation.objects.exists()
    gate.open()


@pytest.mark.django_db(transaction=True)
class TestAccess:
    """Every address of the chat for nobody, a stranger, and the wrong method."""

    OF_ONES_OWN = ("chat", "chat_conversations", "header_gauge")
    OF_A_CONVERSATION = (
        "chat_conversation", "chat_rename", "chat_delete", "chat_export_md", "chat_export_json",
    )  # fmt: skip
    OF_AN_ANSWER = (("chat_stream", "get"), ("chat_stop", "post"), ("chat_again", "post"))

    @pytest.fixture
    def answer(self, client: Client, alice: User, provider: ScriptedProvider) -> Message:
        client.force_login(alice)
        ask(client, "Mine alone", script=False)
        client.logout()
        return last_answer(alice)

    def test_nobody_is_sent_to_sign_in(self, client: Client, answer: Message) -> None:
        gets = [reverse(name) for name in self.OF_ONES_OWN]
        gets += [reverse(name, args=[answer.conversation_id]) for name in self.OF_A_CONVERSATION]
        gets += [reverse("chat_stream", args=[answer.pk])]
        posts = [reverse("chat_send"), reverse("chat_price")]
        posts += [reverse(name, args=[answer.pk]) for name in ("chat_stop", "chat_again")]
        responses = [client.get(address) for address in gets]
        responses += [client.post(address) for address in posts]
        for response in responses:
            assert response.status_code == 302
            assert response["Location"].startswith("/accounts/login/")

    def test_nobody_with_htmx_gets_the_whole_sign_in_page(self, client: Client) -> None:
        response = ask(client, "Hi")
        assert response["HX-Redirect"].startswith("/accounts/login/")
        assert response.content == b""

    def test_a_stranger_finds_nothing(self, client: Client, answer: Message) -> None:
        client.force_login(make_user("charlie"))
        for name in self.OF_A_CONVERSATION:
            address = reverse(name, args=[answer.conversation_id])
            assert client.get(address).status_code == 404, name
        for name in ("chat_rename", "chat_delete"):
            address = reverse(name, args=[answer.conversation_id])
            assert client.post(address, {"title": "x"}).status_code == 404, name
        for name, method in self.OF_AN_ANSWER:
            address = reverse(name, args=[answer.pk])
            assert getattr(client, method)(address).status_code == 404, name
        assert ask(client, "Hi", conversation=answer.conversation_id).status_code == 404
        assert Message.objects.count() == 2

    def test_nobody_elses_words_are_listed_or_found(self, client: Client, answer: Message) -> None:
        client.force_login(make_user("charlie"))
        for address in ("/", "/?q=alone", reverse("chat_conversations")):
            assert "Mine alone" not in page(client.get(address))

    def test_a_question_is_no_answer(self, client: Client, alice: User, answer: Message) -> None:
        client.force_login(alice)
        question = Message.objects.get(role="user")
        assert client.get(reverse("chat_stream", args=[question.pk])).status_code == 404
        assert client.post(reverse("chat_stop", args=[uuid.uuid4()])).status_code == 404

    def test_what_changes_something_is_a_post_with_its_token(
        self, alice: User, answer: Message
    ) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice)
        addresses = [reverse("chat_send"), reverse("chat_price")]
        addresses += [reverse(name, args=[answer.pk]) for name in ("chat_stop", "chat_again")]
        for address in addresses:
            assert client.get(address).status_code == 405
            assert client.post(address).status_code == 403
        for name in ("chat_rename", "chat_delete"):
            address = reverse(name, args=[answer.conversation_id])
            assert client.post(address).status_code == 403
        assert client.post("/").status_code in (403, 405)


@pytest.mark.django_db(transaction=True)
def test_a_conversation_deleted_in_another_tab_is_said(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    client.force_login(alice)
    ask(client, "Hi", script=False)
    found = the_conversation(alice)
    found_pk = found.pk
    found.delete()
    assert ask(client, "And now?", conversation=found_pk).status_code == 404

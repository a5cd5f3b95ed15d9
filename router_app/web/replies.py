"""What the chat answers with: a whole page, or the parts of one that changed."""

import uuid
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import push_url, reswap, retarget, trigger_client_event

from router_app.models import Conversation, Message
from router_app.web.composer import EXAMPLES, SLIDER_STEPS, ComposerForm, choices_of_conversation
from router_app.web.conversations import may_ask, rail_conversations
from router_app.web.exchanges import Exchange
from router_app.web.memory import CONTEXT_CHARACTERS, answered_turns, recent_messages, remember
from router_app.web.price_tags import PriceTag
from router_app.web.signed_in import SignedIn
from router_app.web.turns import MESSAGES_SHOWN, total_nanos, turns_of

UNPROCESSABLE = 422
CONFLICT = 409


def page(
    request: SignedIn,
    conversation: Conversation | None,
    form: ComposerForm,
    *,
    status: int = 200,
    everything: bool = False,
    price: PriceTag | None = None,
) -> HttpResponse:
    """The whole chat page; with the price of what is in the composer, where that was asked for."""
    context = _page_context(request, conversation, form, everything=everything)
    context["price"] = price
    return render(request, "chat/chat.html", context, status=status)


def asked(request: SignedIn, exchange: Exchange) -> HttpResponse:
    """The question and its answer to be, or its refusal, for the page that htmx asked from."""
    conversation = Conversation.objects.get(pk=exchange.conversation_id)
    if exchange.is_new:
        return _begun(request, conversation)
    shown = {exchange.question_id, exchange.answer_id}
    if exchange.asks_again:
        shown = _answers_of(exchange)
    context = {
        **_around(request, conversation),
        "turns": turns_of(conversation, request.user, only=shown),
        "replaced": exchange.replaces,
        # Asked from another form than the composer, which is to show what was asked with.
        "form": exchange.asks_again and ComposerForm(initial=exchange.choices.as_initial()),
        "slider_steps": SLIDER_STEPS,
    }
    return render(request, "chat/asked.html", context)


def fresh(request: SignedIn, form: ComposerForm, price: PriceTag) -> HttpResponse:
    """What was typed, in a conversation that has not begun, for the page that htmx asked from."""
    context = {**_page_context(request, None, form), "price": price}
    return push_url(render(request, "chat/begun.html", context), reverse("chat"))


def refused(request: SignedIn, exchange: Exchange) -> HttpResponse:
    """The same for a refusal, which stands in the conversation: the composer keeps its words."""
    return trigger_client_event(asked(request, exchange), "chat:refused", {})


def finished(request: SignedIn, conversation: Conversation, answer_id: uuid.UUID) -> str:
    """An answer that has ended, and what it changed around it. Raises Message.DoesNotExist."""
    turns = turns_of(conversation, request.user, only={answer_id})
    if not turns:
        raise Message.DoesNotExist
    context = {**_around(request, conversation), "turn": turns[0]}
    return render(request, "chat/finished.html", context).content.decode()


def invalid(
    request: SignedIn, conversation: Conversation | None, form: ComposerForm
) -> HttpResponse:
    """The composer with what is wrong, and everything that was typed."""
    if not request.headers.get("HX-Request"):
        return page(request, conversation, form, status=UNPROCESSABLE)
    context = _composer_context(request, conversation, form)
    response = render(request, "chat/composer.html", context, status=UNPROCESSABLE)
    return reswap(retarget(response, "#composer-dock"), "outerHTML")


def not_now(
    request: SignedIn, conversation: Conversation | None, form: ComposerForm | None, why: str
) -> HttpResponse:
    """Nothing was asked and nothing is lost: say why."""
    if request.headers.get("HX-Request"):
        response = reswap(HttpResponse(status=CONFLICT), "none")
        return trigger_client_event(response, "toast", {"text": why, "level": "warn"})
    if conversation is not None:
        form = form or ComposerForm(initial=initial_of(request, conversation))
    form = form or ComposerForm()
    if form.is_bound:
        form.add_error(None, why)
    return page(request, conversation, form, status=CONFLICT)


def to_conversation(exchange: Exchange) -> HttpResponse:
    """On to the conversation's page, to this answer."""
    address = reverse("chat_conversation", args=[exchange.conversation_id])
    return redirect(f"{address}#m-{exchange.answer_id}")


def initial_of(request: SignedIn, conversation: Conversation) -> dict[str, Any]:
    """What the composer of this conversation begins with: after a refusal, the refused words."""
    initial = choices_of_conversation(conversation, request.user).as_initial()
    last = list(conversation.messages.order_by("-created_at")[:2])
    if len(last) == 2 and last[0].state == Message.State.REFUSED:
        initial["prompt"] = last[1].text if last[1].role == Message.Role.USER else ""
    return initial


def _begun(request: SignedIn, conversation: Conversation) -> HttpResponse:
    form = ComposerForm(initial=initial_of(request, conversation))
    context = _page_context(request, conversation, form)
    response = render(request, "chat/begun.html", context)
    response = reswap(retarget(response, "#content"), "innerHTML")
    return push_url(response, reverse("chat_conversation", args=[conversation.pk]))


def _answers_of(exchange: Exchange) -> set[uuid.UUID]:
    """The new answer, and the one before it, which folds."""
    answers = Message.objects.filter(
        conversation=exchange.conversation_id, role=Message.Role.ASSISTANT
    )
    return set(answers.order_by("-created_at").values_list("pk", flat=True)[:2])


def _page_context(
    request: SignedIn,
    conversation: Conversation | None,
    form: ComposerForm,
    *,
    everything: bool = False,
) -> dict[str, Any]:
    turns = turns_of(conversation, request.user, everything=everything) if conversation else []
    return {
        **_composer_context(request, conversation, form),
        "turns": turns,
        "has_older": len(turns) == MESSAGES_SHOWN and not everything,
        "examples": EXAMPLES,
        "rail_conversations": rail_conversations(request),
    }


def _composer_context(
    request: SignedIn, conversation: Conversation | None, form: ComposerForm
) -> dict[str, Any]:
    return {**_around(request, conversation), "form": form, "slider_steps": SLIDER_STEPS}


def _around(request: SignedIn, conversation: Conversation | None) -> dict[str, Any]:
    """What each answer changes around it: what goes along with the next one, the total."""
    turns = answered_turns(recent_messages(conversation)) if conversation else []
    return {
        "conversation": conversation,
        "may_ask": may_ask(request, conversation),
        "is_own": conversation is None or conversation.user_id == request.user.pk,
        "memory": remember(turns),
        "context_characters": CONTEXT_CHARACTERS,
        "total_nanos": total_nanos(conversation) if conversation else 0,
    }

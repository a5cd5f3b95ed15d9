"""`/`: ask, and ask again.

A POST asks: it decides, holds the money, writes the messages and starts the run, all before it
answers. With htmx both messages come back and the page follows the answer's stream; without script
the POST waits for the whole answer and leads on to the conversation's page.
"""

import uuid
from contextlib import suppress

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from router_app.errors import RouterError
from router_app.gateway import service
from router_app.gateway.expiry import expire_overdue
from router_app.models import Conversation, Message
from router_app.routing.tasks import Task
from router_app.web import conversations, replies
from router_app.web.access import person_required
from router_app.web.composer import (
    ChoicesForm,
    ComposerForm,
    choices_of_answer,
    choices_of_person,
)
from router_app.web.exchanges import (
    AnswerRunning,
    ConversationGone,
    Exchange,
    exchange_again,
    first_exchange,
    next_exchange,
)
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import membership_of

BUSY = "An answer is still being written in this conversation. Wait for it, or stop it."
NOT_THE_LAST = "Only the last answer can be asked for again."
MOST_TOKENS = 1_000_000  # of a cap that a button carries


@login_required
@require_safe
def chat(request: SignedIn) -> HttpResponse:
    """A conversation that has not begun, or with `q` a search in those that have."""
    if "q" in request.GET:
        return conversations.conversations(request)
    initial = choices_of_person(request.user).as_initial()
    initial["prompt"] = request.GET.get("prompt", "")
    if request.GET.get("task") in set(Task):
        initial["task"] = request.GET["task"]
    return replies.page(request, None, ComposerForm(initial=initial))


@login_required
@require_safe
def conversation(request: SignedIn, pk: uuid.UUID) -> HttpResponse:
    """A conversation with its answers, also one that is being written right now."""
    found = conversations.readable(request, pk)
    _close_what_died(found)
    form = ComposerForm(initial=replies.initial_of(request, found))
    return replies.page(request, found, form, everything="all" in request.GET)


@require_POST
@person_required
async def send(request: SignedIn) -> HttpResponseBase:
    """Ask what is in the composer; without `conversation` it begins a new one."""
    found, form, exchange = await sync_to_async(read_composer)(request)
    if exchange is None:
        return await sync_to_async(replies.invalid)(request, found, form)
    return await _ask(request, exchange, found, form)


@require_POST
@person_required
async def again(request: SignedIn, pk: uuid.UUID) -> HttpResponseBase:
    """Ask for the last answer again: with the choices it had, or with those that came along."""
    found, exchange = await sync_to_async(_read_again)(request, pk)
    if exchange is None:
        return await sync_to_async(replies.not_now)(request, found, None, NOT_THE_LAST)
    return await _ask(request, exchange, found, None)


async def _ask(
    request: SignedIn,
    exchange: Exchange,
    found: Conversation | None,
    form: ComposerForm | None,
) -> HttpResponseBase:
    try:
        run = await service.start(exchange.as_request(), record=exchange.record)
    except (AnswerRunning, IntegrityError):
        return await sync_to_async(replies.not_now)(request, found, form, BUSY)
    except ConversationGone:
        return await sync_to_async(replies.not_now)(
            request, None, form, "This conversation was deleted."
        )
    except RouterError as error:
        return await sync_to_async(_refused)(request, exchange, found, form, error)
    if request.headers.get("HX-Request"):
        return await sync_to_async(replies.asked)(request, exchange)
    with suppress(RouterError):  # the message says it
        await run.finished()
    return replies.to_conversation(exchange)


def _refused(
    request: SignedIn,
    exchange: Exchange,
    found: Conversation | None,
    form: ComposerForm | None,
    error: RouterError,
) -> HttpResponse:
    if not Message.objects.filter(pk=exchange.answer_id).exists():
        return replies.not_now(request, found, form, error.message)  # nothing could be written
    if not request.headers.get("HX-Request"):
        return replies.to_conversation(exchange)
    return replies.refused(request, exchange)


def read_composer(
    request: SignedIn, *, fresh: bool = False
) -> tuple[Conversation | None, ComposerForm, Exchange | None]:
    """The composer as it came; no exchange where something in it is wrong.

    With `fresh` it begins a new conversation, wherever it was typed. Raises 403 and 404.
    """
    _check_may_ask(request)
    form = ComposerForm(request.POST)
    is_valid = form.is_valid()
    if form.has_error("conversation"):
        raise Http404
    pk = form.cleaned_data.get("conversation")
    found = conversations.own(request, pk) if pk else None
    if fresh:
        found = None
    if not is_valid:
        return found, form, None
    prompt = form.cleaned_data["prompt"]
    if found is None:
        return None, form, first_exchange(membership_of(request), prompt, form.choices)
    return found, form, next_exchange(found, prompt, form.choices)


def _read_again(request: SignedIn, pk: uuid.UUID) -> tuple[Conversation, Exchange | None]:
    _check_may_ask(request)
    answer = own_answer(request, pk)
    choices = choices_of_answer(answer) or choices_of_person(request.user)
    given = QueryDict(mutable=True)
    given.update({**choices.as_typed(), **request.POST.dict()})
    form = ChoicesForm(given)
    if form.is_valid():
        choices = form.choices
    most = request.POST.get("max_tokens", "")
    max_tokens = min(int(most), MOST_TOKENS) if most.isascii() and most.isdecimal() else None
    return answer.conversation, exchange_again(answer, choices, max_tokens or None)


def _check_may_ask(request: SignedIn) -> None:
    if not membership_of(request).may_ask:
        raise PermissionDenied("Viewers ask nothing.")


def readable_answer(request: SignedIn, pk: uuid.UUID) -> Message:
    """An answer in a conversation that this person may read, else 404."""
    answers = Message.objects.select_related("conversation__user", "decision")
    answer = get_object_or_404(answers, pk=pk, role=Message.Role.ASSISTANT)
    conversations.readable(request, answer.conversation_id)
    return answer


def own_answer(request: SignedIn, pk: uuid.UUID) -> Message:
    """An answer in a conversation of this person in this workspace, else 404."""
    answers = Message.objects.select_related("conversation", "decision")
    return get_object_or_404(
        answers,
        pk=pk,
        role=Message.Role.ASSISTANT,
        conversation__in=conversations.own_conversations(request),
    )


def _close_what_died(found: Conversation) -> None:
    """An answer whose process died is closed once its lease is over."""
    writing = found.messages.filter(state=Message.State.WRITING).first()
    if writing and writing.decision_id and service.find_run(writing.decision_id) is None:
        expire_overdue(now=timezone.now(), user_id=found.user_id)

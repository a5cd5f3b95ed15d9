"""`/c/`: the list of conversations, searching it, and renaming and deleting one."""

import uuid
from collections.abc import Iterable

from asgiref.sync import sync_to_async
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from router_app.gateway import service
from router_app.models import Conversation, Message
from router_app.web.access import person_required
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import membership_of, own_scope

IN_RAIL = 40
PER_PAGE = 30
LONGEST_QUERY = 200
MOST_WORDS = 8
SNIPPET_CHARACTERS = 160
BEFORE_MATCH = 40  # characters of a snippet before the word that was found


class RenameForm(forms.ModelForm):
    """A conversation's title."""

    title = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    class Meta:
        model = Conversation
        fields = ("title",)


@login_required
@require_safe
def conversations(request: SignedIn) -> HttpResponse:
    """All conversations, the newest first, or those that have every word of `q` in them."""
    query = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_QUERY]
    words = query.split()[:MOST_WORDS]
    page = Paginator(_with_words(request, words), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "query": query,
        "page": page,
        "found": [(found, _snippet(found, words)) for found in page],
        "rail_conversations": rail_conversations(request),
    }
    return render(request, "chat/conversations.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: SignedIn, pk: uuid.UUID) -> HttpResponse:
    """Give one's own conversation another title."""
    conversation = own(request, pk)
    form = RenameForm(request.POST or None, instance=conversation)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("chat_conversation", pk=pk)
    return _asking(request, "chat/rename", {"conversation": own(request, pk), "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@person_required
async def delete(request: SignedIn, pk: uuid.UUID) -> HttpResponseBase:
    """Ask, then delete one's own conversation. What it cost stays in the books."""
    conversation = await sync_to_async(own)(request, pk)
    if request.method != "POST":
        return await sync_to_async(_asking)(request, "chat/delete", {"conversation": conversation})
    async for answer in conversation.messages.filter(state=Message.State.WRITING):
        if answer.decision_id:
            await service.stop(answer.decision_id, user_id=request.user.pk)
    await sync_to_async(_delete)(request, conversation)
    return redirect("chat")


def own(request: SignedIn, pk: uuid.UUID) -> Conversation:
    """A conversation of this person in this workspace, else 404."""
    return get_object_or_404(own_conversations(request), pk=pk)


def readable(request: SignedIn, pk: uuid.UUID) -> Conversation:
    """One's own conversation or one that is shared in this workspace, else 404."""
    readables = own_conversations(request) | shared_conversations(request)
    return get_object_or_404(readables.select_related("user"), pk=pk)


def shared_conversations(request: SignedIn) -> QuerySet[Conversation]:
    """What its owners share with this workspace, one's own included."""
    return Conversation.objects.filter(
        workspace=membership_of(request).workspace_id, shared_at__isnull=False
    )


def may_ask(request: SignedIn, conversation: Conversation | None) -> bool:
    """Whether the person may ask here: not as a viewer, nor in another's conversation."""
    is_own = conversation is None or conversation.user_id == request.user.pk
    return is_own and membership_of(request).may_ask


def own_conversations(request: SignedIn) -> QuerySet[Conversation]:
    """This person's conversations in this workspace."""
    return Conversation.objects.filter(**own_scope(request).filters)


def rail_conversations(request: SignedIn) -> list[Conversation]:
    """The newest conversations, for the rail."""
    return list(own_conversations(request).order_by("-updated_at")[:IN_RAIL])


def _asking(request: SignedIn, name: str, context: dict[str, object]) -> HttpResponse:
    """A page that asks something first; for htmx only what goes into a dialog."""
    part = "_dialog" if request.headers.get("HX-Request") else ""
    return render(request, f"{name}{part}.html", context)


def _delete(request: SignedIn, conversation: Conversation) -> None:
    title = str(conversation)
    conversation.delete()
    messages.success(request, f"“{title}” is deleted. What it cost stays in your history.")


def _with_words(request: SignedIn, words: Iterable[str]) -> QuerySet[Conversation]:
    found = own_conversations(request).order_by("-updated_at", "pk")
    for word in words:
        said = Message.objects.filter(conversation=OuterRef("pk"), text__icontains=word)
        found = found.filter(Q(title__icontains=word) | Exists(said))
    return found


def _snippet(conversation: Conversation, words: list[str]) -> str:
    """Where the first word that stands in a message stands; nothing without words."""
    for word in words:
        said = conversation.messages.filter(text__icontains=word)
        text = said.values_list("text", flat=True).first()
        if text is not None:
            return _around(text, word)
    return ""


def _around(text: str, word: str) -> str:
    start = max(0, text.lower().find(word.lower()) - BEFORE_MATCH)
    words = " ".join(text[start : start + SNIPPET_CHARACTERS].split())
    return f"{'…' if start else ''}{words}{'…' if start + SNIPPET_CHARACTERS < len(text) else ''}"

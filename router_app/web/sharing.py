"""`/c/…/share/`: letting one's team read a conversation. Only its owner ever asks on in it."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from router_app.models import Conversation
from router_app.web.conversations import (
    PER_PAGE,
    own_conversations,
    rail_conversations,
    shared_conversations,
)
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import workspace_of


@login_required
@require_safe
def shared(request: SignedIn) -> HttpResponse:
    """What is shared in this workspace: who asked, and what it cost."""
    found = shared_conversations(request).select_related("user").order_by("-updated_at", "pk")
    found = found.annotate(cost_nanos=Sum("messages__decision__cost_nanos"))
    context = {
        "page": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "rail_conversations": rail_conversations(request),
    }
    return render(request, "chat/shared.html", context)


@login_required
@require_POST
def share(request: SignedIn, pk: uuid.UUID) -> HttpResponse:
    """Everybody in the team may read it from now on, what is added later too."""
    own = get_object_or_404(_shareable(request), pk=pk)
    Conversation.objects.filter(pk=own.pk, shared_at=None).update(shared_at=timezone.now())
    messages.success(request, f"Everybody in {workspace_of(request)} can read this now.")
    return redirect("chat_conversation", pk=pk)


@login_required
@require_POST
def unshare(request: SignedIn, pk: uuid.UUID) -> HttpResponse:
    """Private again."""
    own = get_object_or_404(_shareable(request), pk=pk)
    Conversation.objects.filter(pk=own.pk).update(shared_at=None)
    messages.success(request, "Only you can read this conversation again.")
    return redirect("chat_conversation", pk=pk)


def _shareable(request: SignedIn) -> QuerySet[Conversation]:
    """In a personal workspace there is nobody to share with."""
    return own_conversations(request).filter(workspace__personal_of=None)

"""`/join/…/`: what an invitation's link leads to. Whoever has it sees into what it invites."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from router_app.models import Invitation
from router_app.web.access import to_sign_in
from router_app.web.workspace import choose
from router_app.workspaces.invitations import accept, check_for, check_open, find_invitation
from router_app.workspaces.rules import NotPossible

UNKNOWN = "This link leads nowhere. It may have been cut off on its way: copy the whole of it."
GONE = 410


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """Say what one is invited to; join by POST. Signed-out people sign in or up and come back."""
    invitation = find_invitation(secret)
    if invitation is None:
        return _page(request, {"why_not": UNKNOWN}, status=404)
    try:
        check_open(invitation)
    except NotPossible as no:
        return _page(request, {"invitation": invitation, "why_not": no}, status=GONE)
    if request.method == "POST":
        return _join(request, invitation)
    context = {"invitation": invitation, "next": urlencode({"next": request.path})}
    if request.user.is_authenticated:
        context["why_not"] = _why_not(request, invitation)
    return _page(request, context)


def _join(request: Any, invitation: Invitation) -> HttpResponse:
    if not request.user.is_authenticated:
        return to_sign_in(request)
    try:
        place = accept(invitation, person=request.user)
    except NotPossible as no:
        messages.error(request, str(no))
        return redirect("workspaces")
    choose(request, place.workspace)
    messages.success(
        request, f"You are in {place.workspace} now, as its {place.get_role_display()}."
    )
    return redirect(reverse("chat") if place.may_ask else reverse("dashboard"))


def _why_not(request: Any, invitation: Invitation) -> str:
    """Why this person cannot join by it; empty where they can."""
    try:
        check_for(invitation, request.user)
    except NotPossible as no:
        return str(no)
    return ""


def _page(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return render(request, "join/join.html", context, status=status)

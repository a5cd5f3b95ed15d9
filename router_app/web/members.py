"""`/workspaces/…/members/`: another role for a member, and their way out."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from router_app.gateway import keys
from router_app.models import Membership
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import admins_place_in
from router_app.workspaces.members import change_role, members_of, remove_member
from router_app.workspaces.rules import NotPossible


@login_required
@require_POST
def role(request: SignedIn, pk: int, member: int) -> HttpResponse:
    """Another role, from the next request on."""
    found = _member(request, pk, member)
    try:
        change_role(found, role=request.POST.get("role", ""), by=request.user)
    except NotPossible as no:
        messages.error(request, str(no))
    else:
        keys.forget()
        messages.success(request, f"The role of {found.user} is {found.role} now.")
    return redirect("workspaces_one", pk=pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: SignedIn, pk: int, member: int) -> HttpResponse:
    """Ask, then remove a member; their keys of this workspace end at once."""
    found = _member(request, pk, member)
    if request.method != "POST":
        context = {"workspace": found.workspace, "member": found}
        return render(request, "members/remove.html", context)
    try:
        remove_member(found, by=request.user)
    except NotPossible as no:
        messages.error(request, str(no))
    else:
        keys.forget()
        messages.success(request, f"{found.user} is no member any more; their keys are revoked.")
    return redirect("workspaces_one", pk=pk)


def _member(request: SignedIn, pk: int, member: int) -> Membership:
    """A present member of a workspace whose admin asks, else 404 or 403."""
    place = admins_place_in(request, pk)
    return get_object_or_404(members_of(place.workspace), pk=member)

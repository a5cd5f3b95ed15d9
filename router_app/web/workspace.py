"""Which workspace a page belongs to: the one chosen in the switcher, else the person's own."""

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404

from router_app.analytics.scope import Scope
from router_app.models import Membership, Role, Workspace
from router_app.web.signed_in import SignedIn
from router_app.workspaces.chosen import CHOSEN, chosen_place


def membership_of(request: SignedIn) -> Membership:
    """The person's place in the workspace that this page belongs to; read once a request.

    Who has left the chosen one, or whose team has closed it, is back in their own.
    """
    found: Membership | None = getattr(request, "_membership", None)
    if found is None:
        found = chosen_place(request.session, request.user) or _own(request)
        request._membership = found  # type: ignore[attr-defined]
    return found


def workspace_of(request: SignedIn) -> Workspace:
    """The workspace that this page belongs to."""
    return membership_of(request).workspace


def own_scope(request: SignedIn) -> Scope:
    """What the person asked in this workspace."""
    return Scope.own(request.user, membership_of(request).workspace_id)


def team_scope(request: SignedIn) -> Scope:
    """What everybody asked in this workspace, by the team's own days."""
    workspace = workspace_of(request)
    return Scope(workspace.pk, None, workspace.time_zone)


def choose(request: SignedIn, workspace: Workspace) -> None:
    """From the next page on this is the workspace one is in."""
    request.session[CHOSEN] = workspace.pk


def place_in(request: SignedIn, pk: int) -> Membership:
    """The person's place in the workspace that an address names; 404 for whoever has none."""
    places = Membership.objects.select_related("workspace", "user")
    # By the workspace's own key: unlike the relation it finds nothing under a number that no
    # database has room for, instead of failing.
    return get_object_or_404(places, workspace__pk=pk, user=request.user, left_at=None)


def admins_place_in(request: SignedIn, pk: int) -> Membership:
    """The same for what only admins may; 403 for other members."""
    place = place_in(request, pk)
    if place.role != Role.ADMIN:
        raise PermissionDenied(f"Only an admin of {place.workspace} may do this.")
    return place


def _own(request: SignedIn) -> Membership:
    own = Membership.objects.select_related("workspace")
    return own.get(workspace__personal_of=request.user, user=request.user)

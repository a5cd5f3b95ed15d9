"""`/workspaces/`: the workspaces one is in, making a team, and one workspace with its people."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from router_app.budgets.limits import HIGHEST_LIMIT_NANOS, create_team_budget
from router_app.gateway import keys
from router_app.models import Membership, Role, Workspace
from router_app.web.fields import UsdField, focus_first_error
from router_app.web.profile import TimeZoneField, zone_names
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import admins_place_in, choose, place_in
from router_app.workspaces import teams
from router_app.workspaces.invitations import open_invitations
from router_app.workspaces.members import leave as leave_workspace
from router_app.workspaces.members import members_of, memberships_of
from router_app.workspaces.rules import LONGEST_NAME, NotPossible

MEMBERS_PER_PAGE = 50
LONGEST_MEMBER = 150  # characters of a name, as accounts have it
# Pages that are there in every workspace: who switches on one of them stays on it.
STAYS_ON = ("chat", "chat_conversations", "dashboard", "history", "budgets", "keys", "models")


class NameForm(forms.Form):
    """What a workspace is called."""

    name = forms.CharField(
        max_length=LONGEST_NAME, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class TeamForm(NameForm):
    """A new team, and what it may spend."""

    time_zone = TimeZoneField(
        max_length=64,
        help_text="Days and months of the team's limits begin at midnight here.",
        widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"}),
    )
    limit = UsdField(
        label="Monthly limit in US dollars",
        max_nanos=HIGHEST_LIMIT_NANOS,
        help_text="All members together never spend more. Each one's own limits hold as well.",
    )


class InviteForm(forms.Form):
    """Whom to let in, and as what."""

    email = forms.EmailField(
        label="E-mail",
        required=False,
        help_text="The link is sent there and works for that address only. "
        "Empty: you get a link for one person, to pass on yourself.",
    )
    role = forms.ChoiceField(choices=Role.choices, initial=Role.MEMBER, widget=forms.RadioSelect)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def workspaces(request: SignedIn) -> HttpResponse:
    """One's workspaces, and the form for a team; who makes one is in it."""
    form = TeamForm(request.POST or None, initial={"time_zone": request.user.time_zone})
    if request.method == "POST" and form.is_valid():
        team = _make(request, form)
        if team is not None:
            return redirect("workspaces_one", pk=team.pk)
    focus_first_error(form)
    context = {"form": form, "places": memberships_of(request.user), "zones": zone_names()}
    return render(request, "workspaces/workspaces.html", context)


@login_required
@require_POST
def choose_workspace(request: SignedIn) -> HttpResponse:
    """The switcher: be in another of one's workspaces, on the same page where it has one."""
    wanted = request.POST.get("workspace", "")
    pk = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 19 else None
    place = get_object_or_404(memberships_of(request.user), workspace=pk)
    choose(request, place.workspace)
    page = request.POST.get("page", "")
    return redirect(page if page in STAYS_ON else "chat")


@login_required
@require_safe
def workspace(request: SignedIn, pk: int) -> HttpResponse:
    """One workspace: its members, and for an admin everything that can be changed."""
    return show(request, place_in(request, pk), InviteForm())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: SignedIn, pk: int) -> HttpResponse:
    """Another name."""
    place = admins_place_in(request, pk)
    form = NameForm(request.POST or None, initial={"name": place.workspace.name})
    if request.method == "POST" and form.is_valid() and _rename(request, place, form):
        return redirect("workspaces_one", pk=pk)
    focus_first_error(form)
    return render(request, "workspaces/rename.html", {"workspace": place.workspace, "form": form})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def close(request: SignedIn, pk: int) -> HttpResponse:
    """Ask, then close a team."""
    place = admins_place_in(request, pk)
    if request.method != "POST":
        return render(request, "workspaces/close.html", {"workspace": place.workspace})
    try:
        teams.close_team(place.workspace, by=request.user)
    except NotPossible as no:
        messages.error(request, str(no))
        return redirect("workspaces_one", pk=pk)
    keys.forget()
    messages.success(request, f"{place.workspace} is closed. What was asked stays in the books.")
    return redirect("workspaces")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: SignedIn, pk: int) -> HttpResponse:
    """Ask, then leave a team."""
    place = place_in(request, pk)
    if request.method != "POST":
        return render(request, "workspaces/leave.html", {"workspace": place.workspace})
    try:
        leave_workspace(place)
    except NotPossible as no:
        messages.error(request, str(no))
        return redirect("workspaces_one", pk=pk)
    keys.forget()
    messages.success(request, f"You have left {place.workspace}.")
    return redirect("workspaces")


def show(request: SignedIn, place: Membership, form: InviteForm) -> HttpResponse:
    """The page of a workspace, with the form for an invitation as it came."""
    focus_first_error(form)
    is_admin = place.role == Role.ADMIN and place.workspace.is_open
    name = request.GET.get("name", "")[:LONGEST_MEMBER].strip()
    members = Paginator(members_of(place.workspace, name=name), MEMBERS_PER_PAGE)
    page = members.get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "workspace": place.workspace,
        "place": place,
        "page": page,
        "name": name,
        "searches": bool(name) or page.has_other_pages(),
        "roles": Role.choices,
        "decides": is_admin,
        "invites": is_admin and not place.workspace.is_personal,
        "form": form,
    }
    if context["invites"]:
        context["invitations"] = open_invitations(place.workspace)
    return render(request, "workspaces/workspace.html", context)


def _make(request: SignedIn, form: TeamForm) -> Workspace | None:
    """The team together with its limit: neither exists without the other."""
    data = form.cleaned_data
    try:
        with transaction.atomic():
            team = teams.create_team(
                name=data["name"], time_zone=data["time_zone"], by=request.user
            )
            create_team_budget(team, limit_nanos=data["limit"], by=request.user)
    except NotPossible as no:
        form.add_error("name", ValidationError(str(no)))
        return None
    choose(request, team)
    messages.success(request, f"{team} is there, and you are in it. Invite its members below.")
    return team


def _rename(request: SignedIn, place: Membership, form: NameForm) -> bool:
    try:
        teams.rename(place.workspace, name=form.cleaned_data["name"], by=request.user)
    except NotPossible as no:
        form.add_error("name", ValidationError(str(no)))
        return False
    messages.success(request, f"It is called {place.workspace} now.")
    return True

"""Who is in a workspace, as what, and how they leave it."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from router_app.models import ApiKey, Membership, Role, User, Workspace
from router_app.workspaces.rules import (
    NotPossible,
    check_admin,
    check_another_admin,
    locked_team,
    proper_role,
)
from router_app.workspaces.trail import Action, note

ONE_PERSON = "A personal workspace has one person in it, for good."
FIRST = "make somebody else an admin first."


def memberships_of(person: User) -> QuerySet[Membership]:
    """The person's places in open workspaces, their own first."""
    open_ones = Membership.objects.filter(user=person, left_at=None, workspace__closed_at=None)
    own_first = F("workspace__personal_of_id").asc(nulls_last=True)
    return open_ones.order_by(own_first, "workspace__name", "pk").select_related("workspace")


def members_of(workspace: Workspace, *, name: str = "") -> QuerySet[Membership]:
    """Who is in it now, those who came first first; with `name`, whose name has that in it."""
    present = workspace.memberships.filter(left_at=None).select_related("user", "workspace")
    return present.filter(user__username__icontains=name) if name else present


def change_role(member: Membership, *, role: str, by: User) -> None:
    """Another role, from the next request on. A member who may no longer ask loses their keys of
    this workspace. Raises NotPossible, for the last admin too."""
    new = proper_role(role)
    with transaction.atomic():
        found = _locked(member, by=by)
        if new == found.role:
            return
        check_another_admin(found, then=FIRST)
        Membership.objects.filter(pk=found.pk).update(role=new)
        note(
            Action.ROLE_CHANGED,
            found.workspace,
            by=by,
            subject=str(found.user),
            before={"role": found.role},
            after={"role": str(new)},
        )
        if new != Role.ADMIN:
            _withdraw_invitations(found, timezone.now())
        if new == Role.VIEWER:
            _revoke_keys(found, timezone.now())
    member.role = new


def remove_member(member: Membership, *, by: User) -> None:
    """Out at once, with their keys of this workspace and the links they made; what they asked
    stays. Raises NotPossible for the last admin."""
    with transaction.atomic():
        found = _locked(member, by=by)
        check_another_admin(found, then=FIRST)
        _end(found, by=by)


def leave(member: Membership) -> None:
    """The same by one's own choice. Raises NotPossible for the last admin."""
    with transaction.atomic():
        found = _locked(member)
        check_another_admin(found, then="make somebody else an admin first, or close the team.")
        _end(found, by=found.user)


def _locked(member: Membership, *, by: User | None = None) -> Membership:
    """The place as it is now that nobody else changes it, checked to be `by`'s to change."""
    team = locked_team(member.workspace_id, why_not_personal=ONE_PERSON)
    if by is not None:
        check_admin(team, by)
    found = Membership.objects.select_related("user").filter(pk=member.pk, left_at=None).first()
    if found is None:
        raise NotPossible(f"{member.user} has left {team} already.")
    found.workspace = team
    return found


def _end(member: Membership, *, by: User) -> None:
    now = timezone.now()
    Membership.objects.filter(pk=member.pk).update(left_at=now)
    was, team = {"role": member.role}, member.workspace
    note(Action.MEMBER_LEFT, team, by=by, subject=str(member.user), before=was)
    _revoke_keys(member, now)
    _withdraw_invitations(member, now)


def _revoke_keys(member: Membership, now: datetime) -> None:
    keys = ApiKey.objects.filter(workspace=member.workspace_id, user=member.user_id)
    keys.filter(revoked_at=None).update(revoked_at=now)


def _withdraw_invitations(member: Membership, now: datetime) -> None:
    """Whoever is no admin any more lets nobody in by a link they made, not themselves either."""
    made = member.workspace.invitations.filter(invited_by=member.user_id)
    made.filter(revoked_at=None, accepted_at=None).update(revoked_at=now)

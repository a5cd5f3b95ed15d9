"""Teams from their first day to their last."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from router_app.models import ApiKey, Membership, Role, User, Workspace
from router_app.models.fields import validate_time_zone
from router_app.workspaces.rules import (
    NotPossible,
    check_admin,
    locked,
    locked_team,
    proper_name,
)
from router_app.workspaces.trail import Action, note


def create_team(*, name: str, time_zone: str, by: User) -> Workspace:
    """A team whose only member, an admin, is whoever made it. Raises NotPossible for a name or a
    time zone that is none."""
    try:
        validate_time_zone(time_zone)
    except ValidationError as error:
        raise NotPossible(error.messages[0]) from None
    with transaction.atomic():
        team = Workspace.objects.create(name=proper_name(name), time_zone=time_zone)
        Membership.objects.create(workspace=team, user=by, role=Role.ADMIN)
        note(Action.WORKSPACE_MADE, team, by=by)
    return team


def rename(workspace: Workspace, *, name: str, by: User) -> None:
    """Another name, for a personal workspace too. Raises NotPossible."""
    name = proper_name(name)
    with transaction.atomic():
        found = locked(workspace.pk)
        check_admin(found, by)
        Workspace.objects.filter(pk=workspace.pk).update(name=name)
        was, now = {"name": found.name}, {"name": name}
        note(Action.WORKSPACE_CHANGED, found, by=by, before=was, after=now)
    workspace.name = name


def close_team(workspace: Workspace, *, by: User) -> None:
    """Nothing is asked or changed in it any more, by nobody; what was asked stays in the books.

    Its keys and the links into it end with it. Raises NotPossible for a personal workspace.
    """
    with transaction.atomic():
        team = locked_team(
            workspace.pk, why_not_personal="A personal workspace ends with its account."
        )
        check_admin(team, by)
        now = timezone.now()
        ApiKey.objects.filter(workspace=team, revoked_at=None).update(revoked_at=now)
        team.invitations.filter(revoked_at=None, accepted_at=None).update(revoked_at=now)
        Workspace.objects.filter(pk=team.pk).update(closed_at=now)
        note(Action.WORKSPACE_CLOSED, team, by=by)
    workspace.closed_at = now

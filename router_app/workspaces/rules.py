"""What every change of a team begins with: its row locked, and its maker's right looked up."""

from django.db.models import QuerySet

from router_app.models import Membership, Role, User, Workspace

LONGEST_NAME = 80  # characters


class NotPossible(Exception):
    """The change cannot be made; the text says why and is for people."""


class NotAllowed(NotPossible):
    """Whoever asked for the change has no right to make it."""


def locked(workspace_id: int) -> Workspace:
    """The workspace, held until the transaction ends. Raises NotPossible where it is closed."""
    workspace = Workspace.objects.select_for_update().get(pk=workspace_id)
    if not workspace.is_open:
        raise NotPossible(f"{workspace} is closed: nothing in it changes any more.")
    return workspace


def locked_team(workspace_id: int, *, why_not_personal: str) -> Workspace:
    """The same for what only teams have. Raises NotPossible for a personal workspace."""
    workspace = locked(workspace_id)
    if workspace.is_personal:
        raise NotPossible(why_not_personal)
    return workspace


def check_admin(workspace: Workspace, person: User) -> None:
    """Raises NotAllowed for whoever is not an admin there now."""
    if not admins_of(workspace).filter(user=person).exists():
        raise NotAllowed(f"Only an admin of {workspace} can do this.")


def check_another_admin(member: Membership, *, then: str) -> None:
    """Raises NotPossible where the workspace would be without an admin if this one were gone."""
    if member.role != Role.ADMIN:
        return
    if not admins_of(member.workspace).exclude(pk=member.pk).exists():
        raise NotPossible(f"{member.user} is the last admin of {member.workspace}: {then}")


def admins_of(workspace: Workspace) -> QuerySet[Membership]:
    """Who decides there now."""
    return workspace.memberships.filter(left_at=None, role=Role.ADMIN)


def proper_name(text: str) -> str:
    """The name on one line. Raises NotPossible for one that is empty or too long."""
    name = " ".join(text.split())
    if not name:
        raise NotPossible("A workspace needs a name.")
    if len(name) > LONGEST_NAME:
        raise NotPossible(f"A name has at most {LONGEST_NAME} characters.")
    return name


def proper_role(text: str) -> Role:
    """Raises NotPossible for what is no role."""
    if text not in Role.values:
        raise NotPossible(f"A role is one of: {', '.join(Role.values)}.")
    return Role(text)

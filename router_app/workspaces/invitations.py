"""Links into a team. A link is for one person, ends by itself, and can be taken back.

Its secret has 256 bits of chance, so a plain SHA-256 is kept: there is nothing to guess.
"""

import hashlib
import secrets
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from router_app.models import Invitation, Membership, User, Workspace
from router_app.workspaces.rules import (
    NotPossible,
    check_admin,
    locked_team,
    proper_role,
)
from router_app.workspaces.trail import Action, note

LIFE = timedelta(days=7)
MOST_A_DAY = 50  # invitations of one person: the server's mail is not for mass mailings
SECRET_BYTES = 32


def invite(workspace: Workspace, *, role: str, by: User, email: str = "") -> tuple[Invitation, str]:
    """A new invitation and its secret, which is known only now; with `email` it is for the person
    who has that address, and an earlier one for the same address ends. Raises NotPossible."""
    email = _proper_address(email)
    with transaction.atomic():
        team = locked_team(
            workspace.pk, why_not_personal="Nobody can be invited into a personal workspace."
        )
        check_admin(team, by)
        _check_invitable(team, email, by)
        if email:
            open_invitations(team).filter(email__iexact=email).update(revoked_at=timezone.now())
        secret = secrets.token_urlsafe(SECRET_BYTES)
        row = Invitation.objects.create(
            workspace=team,
            email=email,
            role=proper_role(role),
            hash=_hash(secret),
            invited_by=by,
            expires_at=timezone.now() + LIFE,
        )
        note(Action.INVITED, team, by=by, subject=_whom(row), after={"role": row.role})
    return row, secret


def revoke_invitation(invitation: Invitation, *, by: User) -> None:
    """Its link opens nothing from now on. Raises NotPossible where somebody has used it."""
    with transaction.atomic():
        team = locked_team(invitation.workspace_id, why_not_personal="There are none.")
        check_admin(team, by)
        found = Invitation.objects.get(pk=invitation.pk)
        if found.accepted_at is not None:
            raise NotPossible("This invitation was accepted already; remove the member instead.")
        open_still = Invitation.objects.filter(pk=found.pk, revoked_at=None)
        if open_still.update(revoked_at=timezone.now()):
            note(Action.INVITATION_REVOKED, team, by=by, subject=_whom(found))


def open_invitations(workspace: Workspace) -> QuerySet[Invitation]:
    """Those by which somebody can still join."""
    unused = workspace.invitations.filter(revoked_at=None, accepted_at=None)
    return unused.filter(expires_at__gt=timezone.now()).select_related("invited_by")


def find_invitation(secret: str) -> Invitation | None:
    """The invitation of a link, in whatever state it is; None where there is none."""
    found = Invitation.objects.select_related("workspace", "invited_by")
    return found.filter(hash=_hash(secret)).first()


def check_open(invitation: Invitation) -> None:
    """Raises NotPossible, in words, for an invitation by which nobody can join any more."""
    if invitation.accepted_at is not None:
        raise NotPossible("This invitation was used already. Each is for one person: ask for one.")
    if invitation.revoked_at is not None:
        raise NotPossible("This invitation was taken back. Ask whoever invited you for another.")
    if invitation.expires_at <= timezone.now():
        raise NotPossible("This invitation has expired. Ask whoever invited you for another.")


def check_for(invitation: Invitation, person: User) -> None:
    """Raises NotPossible where the invitation is for somebody else, or the person is a member."""
    if invitation.email and invitation.email.casefold() not in _addresses(person):
        raise NotPossible(
            f"This invitation is for another e-mail address than those of {person}. "
            "Sign in with the account it was sent to, or ask for one for you."
        )
    if invitation.workspace.memberships.filter(user=person, left_at=None).exists():
        raise NotPossible(f"You are in {invitation.workspace} already.")


def accept(invitation: Invitation, *, person: User) -> Membership:
    """Join. The invitation is used up by it. Raises NotPossible."""
    with transaction.atomic():
        team = locked_team(invitation.workspace_id, why_not_personal="Nobody joins this one.")
        found = Invitation.objects.get(pk=invitation.pk)  # as it is now that the team is held
        found.workspace = team
        check_open(found)
        check_for(found, person)
        found.accepted_at, found.accepted_by = timezone.now(), person
        found.save(update_fields=["accepted_at", "accepted_by"])
        note(Action.MEMBER_JOINED, team, by=person, subject=str(person), after={"role": found.role})
        return Membership.objects.create(workspace=team, user=person, role=found.role)


def _whom(invitation: Invitation) -> str:
    return invitation.email or "whoever has the link"


def _proper_address(email: str) -> str:
    email = email.strip()
    if not email:
        return ""
    try:
        validate_email(email)
    except ValidationError as error:
        raise NotPossible(error.messages[0]) from None
    return email


def _check_invitable(team: Workspace, email: str, by: User) -> None:
    made = Invitation.objects.filter(
        invited_by=by, created_at__gt=timezone.now() - timedelta(days=1)
    )
    if made.count() >= MOST_A_DAY:
        raise NotPossible(f"You can invite {MOST_A_DAY} people a day. Go on tomorrow.")
    if email and team.memberships.filter(left_at=None, user__email__iexact=email).exists():
        raise NotPossible(f"{email} is in {team} already.")


def _addresses(person: User) -> set[str]:
    """The account's address and those that were verified."""
    verified = EmailAddress.objects.filter(user=person, verified=True)
    found = {person.email, *verified.values_list("email", flat=True)}
    return {address.casefold() for address in found if address}


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

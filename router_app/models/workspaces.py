"""Workspaces: where people ask together, and whose money they spend.

Everybody has a personal workspace, which is made with the account and never left. A team workspace
has members with roles. What one asks, sees and spends belongs to one workspace.
"""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from router_app.models.fields import validate_time_zone


class Role(models.TextChoices):
    """What a person may do in a workspace."""

    ADMIN = "admin", "admin"  # asks, and decides on limits, members and keys
    MEMBER = "member", "member"  # asks; sees own requests and the team's totals
    VIEWER = "viewer", "viewer"  # sees the team's totals, asks nothing


class Workspace(models.Model):
    """A personal workspace, or a team's."""

    name = models.CharField(max_length=80)
    personal_of = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="personal_workspace",
        help_text="Empty: a team's.",
    )
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text="Days, weeks and months of the team's budgets begin at midnight here.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_personal(self) -> bool:
        """Whether it is one person's own."""
        return self.personal_of_id is not None

    @property
    def is_open(self) -> bool:
        """Whether anything may be asked and changed in it."""
        return self.closed_at is None


class Membership(models.Model):
    """A person in a workspace. The row stays when they leave, for their history."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.MEMBER)
    joined_at = models.DateTimeField(default=timezone.now, editable=False)
    left_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["workspace", "joined_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "user"],
                condition=Q(left_at__isnull=True),
                name="member_once_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace} as {self.role}"

    @property
    def may_ask(self) -> bool:
        """Whether the role lets its holder spend."""
        return self.left_at is None and self.role != Role.VIEWER


class Invitation(models.Model):
    """A link into a team workspace, for one person. Only the hash of its secret is kept."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(blank=True, help_text="Who it is for. Empty: whoever has the link.")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.MEMBER)
    hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"invitation into {self.workspace}"

    @property
    def is_open(self) -> bool:
        """Whether somebody can still join by it."""
        used = self.revoked_at is not None or self.accepted_at is not None
        return not used and self.expires_at > timezone.now()


def make_personal_workspace(user: Any) -> Workspace:
    """The workspace that an account begins with; called where accounts are saved first."""
    workspace = Workspace.objects.create(
        name=user.get_username(), personal_of=user, time_zone=user.time_zone
    )
    Membership.objects.create(workspace=workspace, user=user, role=Role.ADMIN)
    return workspace

"""Who changed what, from what to what: limits, prices, models, keys, roles, invitations, costs."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from router_app.models.workspaces import Workspace

LONGEST_SUBJECT = 200


class AuditEntry(models.Model):
    """One immutable line of the audit trail, written in the transaction of what it tells of.

    `before` and `after` name only what changed. Amounts are in nano-dollars under names that end in
    `_nanos`. Never in here: keys and their hashes, prompts, secrets of links.
    """

    class Action(models.TextChoices):
        """What was done. New ones need no migration: the column knows no choices."""

        LIMIT_SET = "limit.set", "Limit set"
        LIMIT_CHANGED = "limit.changed", "Limit changed"
        LIMIT_CLOSED = "limit.closed", "Limit closed"
        LIMIT_TOPPED_UP = "limit.topped_up", "Limit topped up"
        PROVIDER_ADDED = "provider.added", "Provider added"
        PROVIDER_CHANGED = "provider.changed", "Provider changed"
        POLICY_ADDED = "policy.added", "Policy added"
        PRICE_ADDED = "price.added", "Price added"
        MODEL_ADDED = "model.added", "Model added"
        MODEL_CHANGED = "model.changed", "Model changed"
        KEY_MADE = "key.made", "Key made"
        KEY_REVOKED = "key.revoked", "Key revoked"
        KEY_LIMITED = "key.limited", "Key limited"
        COST_CORRECTED = "cost.corrected", "Cost corrected"
        WEBHOOK_MADE = "webhook.made", "Webhook made"
        WEBHOOK_ENDED = "webhook.ended", "Webhook ended"
        BILL_ENTERED = "bill.entered", "Bill entered"
        BILL_REPLACED = "bill.replaced", "Bill replaced"
        BILL_DELETED = "bill.deleted", "Bill deleted"
        WORKSPACE_MADE = "workspace.made", "Workspace made"
        WORKSPACE_CHANGED = "workspace.changed", "Workspace changed"
        WORKSPACE_CLOSED = "workspace.closed", "Workspace closed"
        MEMBER_JOINED = "member.joined", "Member joined"
        MEMBER_LEFT = "member.left", "Member left"
        ROLE_CHANGED = "role.changed", "Role changed"
        INVITED = "invitation.made", "Invitation made"
        INVITATION_REVOKED = "invitation.revoked", "Invitation revoked"

    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: a command, or the site itself.",
    )
    workspace = models.ForeignKey(
        Workspace,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Whose admins may read it. Empty: only the site's.",
    )
    action = models.CharField(max_length=24)
    subject = models.CharField(max_length=LONGEST_SUBJECT)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.label}: {self.subject}"

    @property
    def label(self) -> str:
        """What was done, in words."""
        known = dict(self.Action.choices)
        return str(known.get(self.action, self.action))

    @classmethod
    def note(
        cls,
        action: str,
        subject: str,
        *,
        actor_id: int | None,
        workspace_id: int | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> "AuditEntry":
        """Write a line, in the caller's transaction; values must be plain JSON."""
        return cls.objects.create(
            action=str(action),
            subject=shortened(subject, LONGEST_SUBJECT),
            actor_id=actor_id,
            workspace_id=workspace_id,
            before=dict(before or {}),
            after=dict(after or {}),
        )

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("an audit entry is never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("an audit entry is never deleted")


def shortened(text: str, longest: int) -> str:
    """The text, its end left out where it has more characters than that."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"

"""People and the keys of their programs."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models, transaction
from django.utils import timezone

from router_app.models.fields import QUALITY_CHOICES, TASK_CHOICES, NanosField, validate_time_zone
from router_app.models.workspaces import Workspace, make_personal_workspace


class User(AbstractUser):
    """A person with an account, and how they like to ask."""

    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text="Days, weeks and months of the budgets begin at midnight here.",
    )
    default_task = models.CharField(max_length=16, choices=TASK_CHOICES, default="general")
    default_quality = models.CharField(max_length=16, choices=QUALITY_CHOICES, default="medium")
    default_budget_nanos = NanosField(default=1_000_000)
    store_prompts = models.BooleanField(
        default=False,
        help_text="Keep the prompts of API requests in the history and in the request log.",
    )
    alert_emails = models.BooleanField(
        default=True, help_text="Send me alerts about limits and charges by e-mail, too."
    )
    unlimited = models.BooleanField(
        default=False,
        help_text="May spend without any limit. Only for accounts that somebody else watches.",
    )

    def __str__(self) -> str:
        return self.username

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new account gets its personal workspace with it, however it is made."""
        is_new = self._state.adding
        with transaction.atomic():
            super().save(*args, **kwargs)
            if is_new:
                make_personal_workspace(self)


class AccessRevision(models.Model):
    """One row; its number rises with every change of who may spend, and under which budgets.

    Triggers in the database raise it, so that no way of changing a key can be forgotten.
    """

    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"revision {self.number}"


class ApiKey(models.Model):
    """A program's key. Only its hash is kept; the prefix tells keys apart."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    workspace = models.ForeignKey(
        Workspace,
        on_delete=models.CASCADE,
        related_name="api_keys",
        help_text="Where its requests belong, and whose budgets pay for them.",
    )
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16)
    hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: as the server's settings say."
    )
    concurrent_requests = models.PositiveIntegerField(
        null=True, blank=True, help_text="At the same time. Empty: as the server's settings say."
    )

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"

    @property
    def is_live(self) -> bool:
        """Whether the key opens anything now."""
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not expired

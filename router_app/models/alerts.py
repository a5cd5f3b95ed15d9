"""Alerts: what happened to money that somebody should know of, whom it was told, and how.

An **alert** is one event, written once in the transaction of what it tells of. A background worker
**spreads** it: a **notice** for each person's bell, a **delivery** for each e-mail and webhook.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from router_app.models.budgets import Window
from router_app.models.workspaces import Workspace


class Webhook(models.Model):
    """An address that is told of a workspace's alerts, or of the site's."""

    workspace = models.ForeignKey(
        Workspace,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="webhooks",
        help_text="Empty: told of what concerns the whole site.",
    )
    url = models.CharField("URL", max_length=2048)
    # Signing needs the secret itself, so it is kept, and shown once.
    secret = models.CharField(max_length=80, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"webhook {self.pk}"


class Alert(models.Model):
    """One event. `key` names it, so that it is written once whatever happens at the same time."""

    class Kind(models.TextChoices):
        """What happened. New ones need no migration: the column knows no choices."""

        THRESHOLD = "budget.threshold", "A limit is nearly spent"
        OVERAGE = "call.overage", "A call cost more than was held"
        PRESUMED = "call.presumed", "A charge is presumed"
        MODEL_GONE = "model.gone", "A model is gone"
        OUT_OF_MONEY = "provider.out_of_money", "A provider is out of money"
        TEST = "test", "A test"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=24)
    at = models.DateTimeField(default=timezone.now)
    window = models.ForeignKey(
        Window, null=True, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    percent = models.PositiveSmallIntegerField(null=True)
    workspace = models.ForeignKey(
        Workspace, null=True, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.CASCADE,
        db_index=False,
        related_name="+",
        help_text="Whose request it was.",
    )
    # Plain JSON: amounts under names that end in `_nanos`, names of models and providers. Never a
    # prompt, an answer or a key.
    facts = models.JSONField(default=dict)
    spread_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(
                fields=["at"], name="alerts_to_be_spread", condition=Q(spread_at__isnull=True)
            ),
            models.Index(
                fields=["window"], name="alerts_of_windows", condition=Q(window__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def label(self) -> str:
        """What happened, in words."""
        return str(dict(self.Kind.choices).get(self.kind, self.kind))


class Notice(models.Model):
    """An alert as one person finds it behind the bell."""

    alert = models.ForeignKey(
        Alert, on_delete=models.CASCADE, db_index=False, related_name="notices"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="notices"
    )
    title = models.CharField(max_length=200)
    text = models.CharField(max_length=500)
    link = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["alert", "user"], name="told_once"),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="notices_of_a_person"),
            models.Index(fields=["user"], name="unread_notices", condition=Q(read_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.title


class Delivery(models.Model):
    """An alert on its way to one e-mail address or webhook."""

    class State(models.TextChoices):
        WAITING = "waiting", "is tried again"
        DELIVERED = "delivered", "delivered"
        GIVEN_UP = "given_up", "given up"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alert = models.ForeignKey(
        Alert, on_delete=models.CASCADE, db_index=False, related_name="deliveries"
    )
    # One of the two; by e-mail to the person's address as it is when it is sent.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    webhook = models.ForeignKey(
        Webhook, null=True, on_delete=models.CASCADE, related_name="deliveries"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Also a lease: whoever tries moves it ahead first, so that nobody else does meanwhile.
    next_try_at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["created_at", "pk"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "user"], name="mailed_once", condition=Q(user__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["alert", "webhook"], name="hooked_once", condition=Q(webhook__isnull=False)
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=True) ^ Q(webhook__isnull=True), name="one_receiver"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"], name="deliveries_due", condition=Q(state="waiting")
            )
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} {self.state}"

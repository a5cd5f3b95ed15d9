"""What was asked of which provider, why, and what it cost.

Every request writes these tables, and each index of theirs is one more page to write: so there are
only those that somebody reads by, and none that another one begins with.
"""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from router_app.models.accounts import ApiKey
from router_app.models.catalog import LanguageModel, Price
from router_app.models.fields import QUALITY_CHOICES, TASK_CHOICES, NanosField
from router_app.models.ledger import Reservation
from router_app.models.workspaces import Workspace


class RoutingDecision(models.Model):
    """One admitted request: what was asked for and the receipt of how it was routed.

    `receipt` is the `Decision` of the latest attempt; an attempt that failed before it stands in
    there as a dropped candidate with its reason.
    """

    class Face(models.TextChoices):
        ROUTE = "route"
        CHAT = "chat"
        COMMAND = "command"
        V1 = "v1"

    class Outcome(models.TextChoices):
        RUNNING = "running"
        ANSWERED = "answered"
        STOPPED = "stopped"
        INTERRUPTED = "interrupted"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False, related_name="decisions"
    )
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, db_index=False, related_name="decisions"
    )
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.PROTECT, db_index=False)
    face = models.CharField(max_length=8, choices=Face.choices)
    task_type = models.CharField(max_length=16, choices=TASK_CHOICES)
    quality = models.CharField(max_length=16, choices=QUALITY_CHOICES)
    budget_nanos = NanosField(null=True, default=None)
    requested_model = models.CharField(max_length=160, blank=True)
    prompt = models.TextField(blank=True, help_text="Only where the owner turned that on.")
    receipt = models.JSONField()
    quality_met = models.BooleanField()
    outcome = models.CharField(max_length=12, choices=Outcome.choices, default=Outcome.RUNNING)
    cost_nanos = NanosField(help_text="Sum over its calls, corrections included.")
    stop_requested_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["workspace", "user", "created_at"], name="decisions_by_owner_and_time"
            ),
            models.Index(
                fields=["workspace", "user", "created_at"],
                name="running_decisions",
                condition=models.Q(outcome="running"),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Call(models.Model):
    """One attempt at a provider, with its usage and cost."""

    class Outcome(models.TextChoices):
        RUNNING = "running"  # not closed yet
        ANSWERED = "answered"  # a whole answer, usage reported or counted
        STOPPED = "stopped"  # the person stopped it; charged for what ran
        INTERRUPTED = "interrupted"  # the stream broke; charged for what ran
        FAILED = "failed"  # no answer; not billed, or presumed
        PRESUMED = "presumed"  # nobody closed it in time: the clock did, at the full amount

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    decision = models.ForeignKey(
        RoutingDecision, on_delete=models.PROTECT, db_index=False, related_name="calls"
    )
    attempt = models.PositiveSmallIntegerField(default=1)
    reservation = models.OneToOneField(Reservation, on_delete=models.PROTECT, related_name="call")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False, related_name="calls"
    )
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, db_index=False, related_name="calls"
    )
    model = models.ForeignKey(
        LanguageModel, on_delete=models.PROTECT, db_index=False, related_name="calls"
    )
    price = models.ForeignKey(Price, on_delete=models.PROTECT, db_index=False)
    task_type = models.CharField(max_length=16, choices=TASK_CHOICES)
    quality = models.CharField(max_length=16, choices=QUALITY_CHOICES)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, default=Outcome.RUNNING)
    failure_kind = models.CharField(max_length=20, blank=True)
    failure_detail = models.CharField(max_length=200, blank=True)
    finish_reason = models.CharField(max_length=20, blank=True)
    output_cap_tokens = models.PositiveIntegerField()
    estimated_nanos = NanosField(help_text="Expected cost at the time of choosing.")
    reserved_nanos = NanosField()
    cost_nanos = NanosField(help_text="As booked when the call was closed.")
    correction_nanos = NanosField(help_text="Sum of later corrections.")
    input_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    reasoning_tokens = models.PositiveIntegerField(default=0)
    usage_source = models.CharField(max_length=8, blank=True)
    decided_at = models.DateTimeField(
        null=True, help_text="When somebody corrected its cost, or confirmed it."
    )
    provider_request_id = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    first_token_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-attempt"]
        indexes = [
            models.Index(
                fields=["workspace", "user", "created_at"], name="calls_by_owner_and_time"
            ),
            models.Index(fields=["workspace", "created_at"], name="calls_by_workspace_and_time"),
            models.Index(
                fields=["workspace", "created_at"],
                name="presumed_calls",
                condition=models.Q(usage_source="presumed", decided_at__isnull=True),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["decision", "attempt"], name="attempts_are_numbered")
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def total_nanos(self) -> int:
        """What it cost, corrections included: what the ledger says."""
        return self.cost_nanos + self.correction_nanos


class ClosedCall(models.Model):
    """The order in which calls closed; the request log is written along it."""

    call = models.OneToOneField(Call, on_delete=models.PROTECT, related_name="closing")
    line = models.BigIntegerField(null=True, unique=True, help_text="Its line in the request log.")

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], name="closings_not_mirrored", condition=models.Q(line__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"closing {self.pk}"

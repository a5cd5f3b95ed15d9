"""What calls came to, summed while they are closed, so that nobody reads a million of them."""

from django.conf import settings
from django.db import models

from router_app.models.catalog import LanguageModel
from router_app.models.fields import TASK_CHOICES, NanosField
from router_app.models.workspaces import Workspace


class UsageRollup(models.Model):
    """The sums of one member's closed calls to one model for one task by one key in one period.

    A period begins at a whole quarter of an hour, hour or day of UTC and belongs to the calls
    *created* in it: each call is in three rows, one of each length. Only `analytics/usage.py`
    writes here, in the transaction that closes the call.
    """

    pk = models.CompositePrimaryKey(
        "workspace_id", "user_id", "seconds", "starts_at", "model_id", "task_type", "key_id"
    )
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    seconds = models.PositiveIntegerField(help_text="How long the period is.")
    starts_at = models.DateTimeField()
    model = models.ForeignKey(
        LanguageModel, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    task_type = models.CharField(max_length=16, choices=TASK_CHOICES)
    key_id = models.BigIntegerField(default=0, help_text="The API key's; 0: asked without one.")
    calls = models.BigIntegerField(default=0)
    requests = models.BigIntegerField(
        default=0, help_text="Calls that were sent, less those that a later attempt replaced."
    )
    cost_nanos = NanosField(help_text="As booked, corrections included.")
    estimated_nanos = NanosField()
    input_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "seconds", "starts_at"], name="usage_of_workspaces")
        ]

    def __str__(self) -> str:
        return f"{self.seconds} s from {self.starts_at}"

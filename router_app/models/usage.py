"""What calls came to, summed while they are closed, so that nobody reads a million of them."""

from django.conf import settings
from django.db import models

from router_app.models.catalog import LanguageModel
from router_app.models.fields import TASK_CHOICES, NanosField


class UsageRollup(models.Model):
    """The sums of one person's closed calls to one model for one task in one period.

    A period begins at a whole quarter of an hour, hour or day of UTC and belongs to the calls
    *created* in it: each call is in three rows, one of each length. Only `analytics/usage.py`
    writes here, in the transaction that closes the call.
    """

    pk = models.CompositePrimaryKey("user_id", "seconds", "starts_at", "model_id", "task_type")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    seconds = models.PositiveIntegerField(help_text="How long the period is.")
    starts_at = models.DateTimeField()
    model = models.ForeignKey(
        LanguageModel, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    task_type = models.CharField(max_length=16, choices=TASK_CHOICES)
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

    def __str__(self) -> str:
        return f"{self.seconds} s from {self.starts_at}"

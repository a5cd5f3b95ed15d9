"""What providers billed, to be set against what was charged here."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from router_app.models.catalog import LanguageModel
from router_app.models.fields import NanosField, validate_time_zone


class Bill(models.Model):
    """A provider's total for one of its models in a month or on a day, with the check of it.

    Written by `bills/entering.py`. `findings` is what the calls of the period said at `checked_at`,
    so that nobody reads a million calls to look at the list again.
    """

    model = models.ForeignKey(
        LanguageModel, on_delete=models.PROTECT, db_index=False, related_name="bills"
    )
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="The last day of the period.")
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text="In which the provider's days begin and end.",
    )
    amount_nanos = NanosField()
    findings = models.JSONField(default=dict)
    checked_at = models.DateTimeField(default=timezone.now)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    entered_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-starts_on", "model", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "starts_on", "ends_on", "time_zone"], name="one_bill_per_period"
            ),
            models.CheckConstraint(condition=Q(amount_nanos__gte=0), name="billed_is_not_negative"),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="bill_has_days"),
        ]

    def __str__(self) -> str:
        return f"{self.model}, {self.period}"

    @property
    def period(self) -> str:
        """The day, the month, or from which day to which."""
        if self.starts_on == self.ends_on:
            return self.starts_on.isoformat()
        after = self.ends_on + timedelta(days=1)
        if (self.starts_on.day, after.day) == (1, 1) and (after - self.starts_on).days <= 31:
            return f"{self.starts_on:%B %Y}"
        return f"{self.starts_on} to {self.ends_on}"

    @property
    def charged_nanos(self) -> int:
        """What was charged here, as it was when it was checked."""
        found: Any = self.findings.get("charged_nanos", 0)
        return int(found)

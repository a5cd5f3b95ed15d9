"""Top-ups: more money for one period of a budget, whose own limit stays as it is."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from router_app.models.budgets import Window
from router_app.models.fields import NanosField


class TopUp(models.Model):
    """An amount added to a window, to its end or until a moment. Written by `budgets/topups.py`."""

    window = models.ForeignKey(Window, on_delete=models.PROTECT, related_name="top_ups")
    amount_nanos = NanosField()
    until = models.DateTimeField(null=True, help_text="Empty: to the end of the period.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, help_text="When the window's limit fell back.")

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(
                fields=["until"],
                name="top_ups_to_be_ended",
                condition=Q(ended_at__isnull=True, until__isnull=False),
            )
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_nanos__gt=0), name="top_up_adds_something")
        ]

    def __str__(self) -> str:
        return f"{self.amount_nanos} nanos more in window {self.window_id}"

    @property
    def is_over(self) -> bool:
        """Whether its moment has come, also while nobody has lowered the window yet."""
        return self.ended_at is not None or (
            self.until is not None and self.until <= timezone.now()
        )

"""Reservations and the journal. Only `budgets/ledger.py` writes here.

A reservation holds money for one call. Every change it makes to a window's counters has an
immutable entry, so counters can be recomputed from entries and compared. As with calls, there is no
index here that nobody reads by.
"""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.expressions import RawSQL
from django.utils import timezone

from router_app.models.budgets import Window
from router_app.models.fields import NanosField


class Reservation(models.Model):
    """Money held for one attempt at a provider."""

    class State(models.TextChoices):
        HELD = "held"
        SENT = "sent"
        SETTLED = "settled"
        RELEASED = "released"
        PRESUMED = "presumed"

    OPEN_STATES = (State.HELD, State.SENT)
    # The same as the index of open ones has it: SQLite does not use that for states given as
    # parameters, and would read every row there ever was.
    IS_OPEN: ClassVar = RawSQL("state IN ('held', 'sent')", (), models.BooleanField())

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.HELD)
    amount_nanos = NanosField()
    actual_nanos = NanosField(null=True, default=None)
    lease_ends_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["lease_ends_at"],
                name="open_reservations",
                condition=Q(state__in=["held", "sent"]),
            )
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_nanos__gte=0), name="held_is_not_negative")
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.state}"

    @property
    def overage_nanos(self) -> int:
        """How much more it cost than was held."""
        return max(0, (self.actual_nanos or 0) - self.amount_nanos)


class LedgerEntry(models.Model):
    """One immutable line of the journal: what one event changed in one window."""

    class Kind(models.TextChoices):
        RESERVE = "reserve"
        SETTLE = "settle"
        RELEASE = "release"
        PRESUME = "presume"
        CORRECT = "correct"

    reservation = models.ForeignKey(
        Reservation, on_delete=models.PROTECT, db_index=False, related_name="entries"
    )
    window = models.ForeignKey(
        Window, on_delete=models.PROTECT, db_index=False, related_name="entries"
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    spent_delta_nanos = NanosField()
    reserved_delta_nanos = NanosField()
    overage_delta_nanos = NanosField()
    at = models.DateTimeField(default=timezone.now)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, db_index=False
    )
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "ledger entries"
        constraints = [
            # One for both, so that it is also the index to read a reservation's journal by.
            # Corrections are neither, and nothing equals nothing: there may be several.
            models.UniqueConstraint(
                "reservation",
                "window",
                Case(
                    When(kind="reserve", then=Value("held")),
                    When(kind__in=["settle", "release", "presume"], then=Value("closed")),
                ),
                name="held_and_closed_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reservation_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("a ledger entry is never changed; write a correction")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("a ledger entry is never deleted; write a correction")

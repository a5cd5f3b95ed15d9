"""Requests that carried an Idempotency-Key, and how they were answered."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from router_app.models.calls import RoutingDecision


class IdempotentRequest(models.Model):
    """One admitted request under its key. Made in the transaction that holds its money."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the address and the body.")
    decision = models.ForeignKey(RoutingDecision, null=True, on_delete=models.CASCADE)
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty: not answered yet.")
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=bytes)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="one_request_per_idempotency_key")
        ]
        indexes = [models.Index(fields=["expires_at"], name="idempotent_by_expiry")]

    def __str__(self) -> str:
        return f"idempotent request {self.pk}"

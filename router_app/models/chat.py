"""Conversations and their messages."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from router_app.models.calls import RoutingDecision
from router_app.models.workspaces import Workspace


class Conversation(models.Model):
    """A thread of messages that belongs to one person in a workspace.

    Private to them, unless they share it with the workspace.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations"
    )
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, db_index=False, related_name="conversations"
    )
    shared_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when the whole workspace may read it."
    )
    title = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-updated_at"]
        indexes = [
            models.Index(
                fields=["workspace", "user", "-updated_at"], name="conversations_by_owner"
            ),
            models.Index(
                fields=["workspace", "-updated_at"],
                name="shared_conversations",
                condition=Q(shared_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title or "New conversation"


class Message(models.Model):
    """One turn. An answer points at the decision that routed it."""

    class Role(models.TextChoices):
        USER = "user"
        ASSISTANT = "assistant"

    class State(models.TextChoices):
        WRITING = "writing"  # the call is running
        COMPLETE = "complete"
        STOPPED = "stopped"
        INTERRUPTED = "interrupted"
        FAILED = "failed"
        REFUSED = "refused"  # no call was made

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages"
    )
    role = models.CharField(max_length=10, choices=Role.choices)
    text = models.TextField(blank=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.COMPLETE)
    decision = models.OneToOneField(
        RoutingDecision, null=True, blank=True, on_delete=models.PROTECT, related_name="message"
    )
    error = models.JSONField(
        null=True, blank=True, help_text="Why there is no whole answer: code, message, details."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["conversation", "created_at"], name="messages_in_order")]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(state="writing"),
                name="one_answer_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return str(self.id)

"""Conversations, by their outsides: what people write is theirs and is not shown here."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from router_app.admin.read_only import ReadOnlyAdmin
from router_app.models import Conversation


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    """Who talks how much: the list, without titles and texts."""

    list_display = ("id", "user", "messages", "created_at", "updated_at")
    list_filter = ("updated_at",)
    search_fields = ("id__exact", "user__username")
    list_select_related = ("user",)
    list_display_links = None
    never_asked_for = ("title",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        conversations: QuerySet[Conversation] = super().get_queryset(request)
        return conversations.annotate(message_count=Count("messages"))

    @admin.display(ordering="message_count")
    def messages(self, conversation: Any) -> int:
        """How many turns it has."""
        return int(conversation.message_count)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A conversation's own page would be headed by its title, which is somebody's words.
        return obj is None and super().has_view_permission(request)

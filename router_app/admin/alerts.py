"""Webhooks of the whole site, and what people were told."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from router_app.admin.audited import operator_of
from router_app.admin.read_only import Discreet, ReadOnlyAdmin, ReadOnlyInline
from router_app.alerts.hooks import TooMany, check, end_webhook, host_of, make_webhook, send_test
from router_app.errors import InvalidRequest
from router_app.models import Alert, Delivery, Webhook


class WebhookForm(forms.ModelForm):
    """Where alerts of the site are to be sent."""

    class Meta:
        model = Webhook
        fields = ("url",)

    def clean_url(self) -> str:
        """An address that may be sent to."""
        url = str(self.cleaned_data["url"])
        try:
            check(url)
        except InvalidRequest as no:
            raise ValidationError(no.message) from None
        return url


class DeliveryInline(ReadOnlyInline):
    """What was sent there."""

    model = Delivery
    show_change_link = False
    fields = readonly_fields = ("created_at", "alert", "state", "attempts", "outcome", "ended_at")


@admin.register(Webhook)
class WebhookAdmin(Discreet):
    """Those of workspaces are their admins' to change; here they can be seen, ended and tried."""

    form = WebhookForm
    list_display = ("host", "workspace", "created_by", "created_at", "ended_at")
    list_select_related = ("workspace", "created_by")
    ordering = ("-pk",)
    never_asked_for = ("url", "secret")
    actions = ("end", "send_a_test")

    @admin.display(description="address")
    def host(self, webhook: Webhook) -> str:
        """Without its path, which may be a secret."""
        return host_of(webhook.url)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ("host", "workspace", "created_by", "created_at", "ended_at")
        return shown if obj else ("url",)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return (DeliveryInline,) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        made = make_webhook(None, url=obj.url, by=operator_of(request))
        obj.pk, obj._state.adding = made.pk, False
        obj.refresh_from_db()
        text = f"Its messages are signed with {made.secret} – keep it now, it is shown only once."
        self.message_user(request, text, messages.WARNING)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().add_view(request, *args, **kwargs)
        except TooMany as no:
            self.message_user(request, str(no), messages.ERROR)
            return self.changelist_view(request)

    @admin.action(description="End the selected webhooks", permissions=["change"])
    def end(self, request: HttpRequest, chosen: QuerySet[Webhook]) -> None:
        """They are told nothing more."""
        for webhook in chosen:
            end_webhook(webhook, by=operator_of(request))
        self.message_user(request, "They are told nothing more.")

    @admin.action(description="Send a test to the selected webhooks", permissions=["change"])
    def send_a_test(self, request: HttpRequest, chosen: QuerySet[Webhook]) -> None:
        """Soon; how it went stands on the webhook's page."""
        for webhook in chosen.filter(ended_at=None):
            send_test(webhook)
        self.message_user(request, "Tests are on their way.")


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """Every alert there was."""

    list_display = ("at", "kind", "percent", "workspace", "user", "spread_at")
    list_filter = ("kind",)
    list_select_related = ("workspace", "user")
    date_hierarchy = None
    fields = ("at", "kind", "percent", "window", "workspace", "user", "facts", "spread_at")

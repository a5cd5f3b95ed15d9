"""What was done by whom, and what was added to limits: to be looked at."""

from django.contrib import admin

from router_app.admin.columns import usd_column
from router_app.admin.read_only import ReadOnlyAdmin
from router_app.models import AuditEntry, TopUp


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """The audit trail; `/audit/` has it in words and as files."""

    list_display = ("at", "actor", "workspace", "label", "subject")
    list_filter = ("action",)
    search_fields = ("subject", "actor__username")
    list_select_related = ("actor", "workspace")
    fields = ("at", "actor", "workspace", "label", "subject", "before", "after")


@admin.register(TopUp)
class TopUpAdmin(ReadOnlyAdmin):
    """Every top-up there was."""

    list_display = ("created_at", "window", "amount", "until", "author", "reason", "ended_at")
    list_select_related = ("window", "author")
    fields = list_display
    amount = usd_column("amount_nanos", "amount")

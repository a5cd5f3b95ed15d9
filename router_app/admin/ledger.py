"""The books: windows, reservations, the journal. Nobody changes them here, superusers included.

A wrong cost is put right on the call ("Correct the cost…"), which writes new entries.
"""

from django.contrib import admin

from router_app.admin.columns import exact_usd_column
from router_app.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from router_app.models import LedgerEntry, Reservation, Window


class EntryInline(ReadOnlyInline):
    """The journal of one reservation or window."""

    model = LedgerEntry
    verbose_name_plural = "journal"
    fields = readonly_fields = (
        "at", "kind", "window", "spent", "reserved", "overage", "author", "reason",
    )  # fmt: skip
    spent = exact_usd_column("spent_delta_nanos", "spent")
    reserved = exact_usd_column("reserved_delta_nanos", "held")
    overage = exact_usd_column("overage_delta_nanos", "overage")


@admin.register(Window)
class WindowAdmin(ReadOnlyAdmin):
    """Periods of limits with their counters."""

    list_display = (
        "budget", "owner", "starts_at", "ends_at", "limit", "spent", "held", "overage",
    )  # fmt: skip
    list_filter = ("budget__period", "budget__task_type", "starts_at")
    search_fields = ("budget__name", "budget__user__username")
    list_select_related = ("budget__user",)
    fields = (
        "budget", "owner", "starts_at", "ends_at", "limit", "highest_limit", "spent", "held",
        "overage",
    )  # fmt: skip
    readonly_fields = fields
    limit = exact_usd_column("limit_nanos", "limit")
    highest_limit = exact_usd_column("peak_limit_nanos", "highest limit it had")
    spent = exact_usd_column("spent_nanos", "spent")
    held = exact_usd_column("reserved_nanos", "held")
    overage = exact_usd_column("overage_nanos", "overage")

    @admin.display(ordering="budget__user__username")
    def owner(self, window: Window) -> str:
        """Whose limit it is."""
        return str(window.budget.user)


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    """Money held for one call each."""

    inlines = (EntryInline,)
    list_display = (
        "id", "user", "state", "amount", "actual", "created_at", "lease_ends_at", "closed_at",
    )  # fmt: skip
    list_filter = ("state", "created_at")
    search_fields = ("id__exact", "user__username")
    list_select_related = ("user",)
    ordering = ("-created_at",)
    fields = (
        "id", "user", "state", "amount", "actual", "created_at", "sent_at", "lease_ends_at",
        "closed_at",
    )  # fmt: skip
    readonly_fields = fields
    amount = exact_usd_column("amount_nanos", "held")
    actual = exact_usd_column("actual_nanos", "booked")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """The journal, newest first. Counters are the sums of these lines."""

    list_display = (
        "at", "kind", "owner", "budget", "spent", "reserved", "overage", "author", "reason",
    )  # fmt: skip
    list_filter = ("kind", "at")
    search_fields = ("reservation__id__exact", "reservation__user__username", "reason")
    list_select_related = ("reservation__user", "window__budget", "author")
    ordering = ("-pk",)
    fields = (
        "at", "kind", "reservation", "window", "spent", "reserved", "overage", "author", "reason",
    )  # fmt: skip
    readonly_fields = fields
    spent = exact_usd_column("spent_delta_nanos", "spent")
    reserved = exact_usd_column("reserved_delta_nanos", "held")
    overage = exact_usd_column("overage_delta_nanos", "overage")

    @admin.display(ordering="reservation__user__username")
    def owner(self, entry: LedgerEntry) -> str:
        """Whose money it is."""
        return str(entry.reservation.user)

    @admin.display(description="limit")
    def budget(self, entry: LedgerEntry) -> str:
        """The limit whose window it changed."""
        return entry.window.budget.name

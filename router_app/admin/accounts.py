"""People and the keys of their programs."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.db.models import QuerySet
from django.http import HttpRequest

from router_app.admin.audited import operator_of
from router_app.admin.columns import usd_column
from router_app.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from router_app.budgets.limits import ensure_starting_budget, move_time_zone
from router_app.gateway.keys import revoke
from router_app.gateway.rates import limit_key
from router_app.models import ApiKey, Budget, User
from router_app.money import format_usd
from router_app.web.fields import UsdField
from router_app.web.profile import SMALLEST_BUDGET_NANOS, TimeZoneField

LIMITS = ("requests_per_minute", "concurrent_requests")
POWERS = ("is_superuser", "is_staff", "groups", "user_permissions")


class PersonForm(UserChangeForm):
    """A person's account and preferences."""

    time_zone = TimeZoneField(help_text="Days, weeks and months of the budgets begin at midnight.")
    default_budget_nanos = UsdField(
        label="Default budget per request (USD)", min_nanos=SMALLEST_BUDGET_NANOS
    )
    unlimited = forms.BooleanField(
        required=False,
        label="May spend without a limit",
        help_text="Requests that no limit covers are let through. Limits that exist still hold: "
        "to lift them, close them. Only for accounts that somebody else watches.",
    )


class LimitInline(ReadOnlyInline):
    """A person's limits; changed on their own pages."""

    model = Budget
    fk_name = "user"
    verbose_name_plural = "limits"
    fields = readonly_fields = ("name", "limit", "set_by_administrator", "is_active")
    limit = usd_column("limit_nanos", "limit")


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Accounts. Nobody is deleted, because the ledger keeps what they spent: deactivate instead."""

    form = PersonForm
    inlines = (LimitInline,)
    list_display = (
        "username", "email", "is_active", "is_staff", "unlimited", "time_zone", "last_login",
        "date_joined",
    )  # fmt: skip
    list_filter = ("is_active", "is_staff", "is_superuser", "unlimited", "date_joined")
    search_fields = ("username", "email", "first_name", "last_name")
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password", "is_active")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Spending", {"fields": ("unlimited",)}),
        (
            "How they like to ask",
            {
                "fields": (
                    "time_zone", "default_task", "default_quality", "default_budget_nanos",
                    "store_prompts",
                )
            },
        ),
        ("What they may do here", {"fields": POWERS, "classes": ("collapse",)}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )  # fmt: skip

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = tuple(super().get_readonly_fields(request, obj))
        # Who may change accounts must not be able to make an administrator of one.
        return fields if request.user.is_superuser else (*fields, *POWERS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not above and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "time_zone" in form.changed_data:
            move_time_zone(obj, obj.time_zone)
        budget = ensure_starting_budget(obj)
        if budget is not None:
            amount = format_usd(budget.limit_nanos)
            self.message_user(
                request, f"Limited to {amount} a month to begin with; change that under Budgets."
            )


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys by name and first letters; their text is known to nobody. People make their own.

    Operators may limit them, above and below what the server allows to all, and revoke them.
    """

    list_display = (
        "name", "prefix", "user", "requests_per_minute", "concurrent_requests", "created_at",
        "expires_at", "revoked_at", "last_used_at",
    )  # fmt: skip
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "created_at", "last_used_at")
    search_fields = ("name", "prefix", "user__username")
    list_select_related = ("user",)
    never_asked_for = ("hash",)
    readonly_fields = (
        "user", "name", "prefix", "created_at", "expires_at", "revoked_at", "last_used_at",
    )  # fmt: skip
    fields = (*readonly_fields[:3], *LIMITS, *readonly_fields[3:])
    actions = ("revoke_keys",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_revoke_permission(request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        limit_key(obj, **{name: getattr(obj, name) for name in LIMITS}, by=operator_of(request))

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whether this operator may revoke other people's keys."""
        return request.user.has_perm("router_app.change_apikey")

    @admin.action(description="Revoke the selected keys", permissions=["revoke"])
    def revoke_keys(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        live = list(keys.filter(revoked_at=None))
        for key in live:
            revoke(key, by=operator_of(request))
            self.log_change(request, key, "Revoked.")
        self.message_user(request, f"{len(live)} keys revoked.", messages.SUCCESS)

"""Limits of people, and the windows in which they are counted."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone

from router_app.admin.columns import usd_column
from router_app.admin.read_only import ReadOnlyInline
from router_app.budgets import limits
from router_app.budgets.self_service import is_protected
from router_app.models import Budget, Window
from router_app.routing.request import REQUEST_BUDGET
from router_app.web.fields import UsdField

RESERVED_NAMES = {REQUEST_BUDGET, "none"}


class BudgetForm(forms.ModelForm):
    """A limit in US dollars."""

    limit_nanos = UsdField(
        label="Limit (USD)",
        max_nanos=limits.HIGHEST_LIMIT_NANOS,
        help_text="Holds at once, also in the running period. Below what is spent, every further "
        "request is refused.",
    )

    class Meta:
        model = Budget
        fields = ("user", "period", "task_type", "limit_nanos", "name", "is_active")
        help_texts = {"name": "Refusals name it. Empty: “Monthly limit” and the like."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "name" in self.fields:
            self.fields["name"].required = False

    def clean_name(self) -> str:
        """The name as typed, or the usual one."""
        name = str(self.cleaned_data["name"])
        if name.strip().casefold() in RESERVED_NAMES:
            raise ValidationError("Refusals use this word themselves; choose another name.")
        period = self.cleaned_data.get("period") or self.instance.period
        task = self.cleaned_data.get("task_type", self.instance.task_type)
        return name or limits.default_name(period, task)

    def clean_is_active(self) -> bool:
        """Closing the last limit takes a decision about the account first."""
        active = bool(self.cleaned_data["is_active"])
        if self.instance.pk and not active and is_protected(self.instance):
            raise ValidationError(
                f"This is the last limit of {self.instance.user} for all tasks. Set another one, "
                "or tick “May spend without a limit” on the account first."
            )
        return active


class WindowInline(ReadOnlyInline):
    """Each period of a limit with its counters."""

    model = Window
    fields = readonly_fields = ("starts_at", "ends_at", "limit", "spent", "held", "overage")
    limit = usd_column("limit_nanos", "limit")
    spent = usd_column("spent_nanos", "spent")
    held = usd_column("reserved_nanos", "held")
    overage = usd_column("overage_nanos", "overage")


@admin.register(Budget)
class BudgetAdmin(admin.ModelAdmin):
    """Limits are closed, never deleted: what was spent under them stays in the books."""

    form = BudgetForm
    inlines = (WindowInline,)
    list_display = (
        "name", "user", "period", "task", "limit", "spent", "held", "overage",
        "set_by_administrator", "is_active",
    )  # fmt: skip
    list_filter = ("is_active", "period", "task_type", "set_by_administrator")
    search_fields = ("name", "user__username", "user__email")
    list_select_related = ("user",)
    autocomplete_fields = ("user",)
    ordering = ("user__username", "pk")
    limit = usd_column("limit_nanos", "limit")
    spent = usd_column("spent_now", "spent")
    held = usd_column("reserved_now", "held")
    overage = usd_column("overage_now", "overage")

    @admin.display(description="task", ordering="task_type")
    def task(self, budget: Budget) -> str:
        """The task it is for."""
        return budget.task_type or "all"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        return with_running_counters(super().get_queryset(request))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("user", "period", "task_type", "limit_nanos", "name")
        return (
            "user", "period", "task_type", "time_zone", "limit_nanos", "name",
            "set_by_administrator", "is_active", "created_at",
        )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("user", "period", "task_type", "time_zone", "created_at") if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.set_by_administrator = True
            obj.time_zone = obj.user.time_zone
        elif "limit_nanos" in form.changed_data:
            limits.set_limit(obj, limit_nanos=obj.limit_nanos, now=timezone.now())
            self._say_who_may_change_it(request, obj)
        super().save_model(request, obj, form, change)

    def _say_who_may_change_it(self, request: HttpRequest, budget: Budget) -> None:
        if not budget.set_by_administrator:
            text = "The owner can change it again: it is not set by an administrator."
            self.message_user(request, text, messages.WARNING)


def with_running_counters(budgets: QuerySet[Budget]) -> QuerySet[Budget]:
    """Each with `spent_now`, `reserved_now`, `overage_now` of its running window, in nanos."""
    now = timezone.now()
    running = Window.objects.filter(
        Q(ends_at=None) | Q(ends_at__gt=now), budget=OuterRef("pk"), starts_at__lte=now
    )
    counters = {
        f"{word}_now": Coalesce(Subquery(running.values(f"{word}_nanos")[:1]), 0)
        for word in ("spent", "reserved", "overage")
    }
    return budgets.annotate(**counters)

"""Limits of people, and the windows in which they are counted."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone

from router_app.admin.audited import operator_of, plain
from router_app.admin.columns import usd_column
from router_app.admin.read_only import ReadOnlyInline
from router_app.budgets import limits
from router_app.budgets.names import default_name, whom_in_words
from router_app.budgets.self_service import is_protected
from router_app.budgets.thresholds import note_reached_by
from router_app.budgets.trail import Action, note_limit
from router_app.models import Budget, Level, Window
from router_app.routing.request import REQUEST_BUDGET
from router_app.web.fields import UsdField

WHOM = ("user", "workspace", "api_key")
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
        fields = (
            "level", "user", "workspace", "api_key", "period", "task_type", "model", "limit_nanos",
            "name", "alert_percents", "pace_aware", "is_active",
        )  # fmt: skip
        help_texts = {
            "level": "Name exactly whom it bounds: a user, a workspace, both, a key, or nobody "
            "for everybody on this site.",
            "name": "Refusals name it. Empty: “Monthly limit” and the like.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("level", "name"):
            if name in self.fields:
                self.fields[name].required = False

    def clean_level(self) -> str:
        """As chosen; a person's where nothing is."""
        return str(self.cleaned_data["level"] or Level.USER)

    def clean(self) -> dict[str, Any]:
        """What a level bounds is named, and the limit has a name."""
        data = super().clean() or {}
        if self.instance.pk or self.errors:
            return data
        whom = {name: data.get(name) for name in WHOM}
        try:
            limits.check_whom(data["level"], **whom)
        except ValueError as error:
            self.add_error("level", f"{str(error).capitalize()}.")
            return data
        words = whom_in_words(data["level"], **whom)
        data["name"] = data["name"] or default_name(
            data["period"], data["task_type"], whom=words, model=str(data.get("model") or "")
        )
        return data

    def clean_name(self) -> str:
        """The name as typed, or as it was; a new one without gets the usual one."""
        name = str(self.cleaned_data["name"])
        if name.strip().casefold() in RESERVED_NAMES:
            raise ValidationError("Refusals use this word themselves; choose another name.")
        budget = self.instance
        if name or not budget.pk:
            return name
        whom = {each: getattr(budget, each) for each in WHOM}
        words = whom_in_words(budget.level, **whom)
        model = str(budget.model or "")
        return default_name(budget.period, budget.task_type, whom=words, model=model)

    def clean_alert_percents(self) -> list[int]:
        """Emptied, nobody is told; the column holds a list all the same."""
        return list(self.cleaned_data["alert_percents"] or ())

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
        "name", "level", "user", "period", "task", "limit", "spent", "held", "overage",
        "set_by_administrator", "is_active",
    )  # fmt: skip
    list_filter = ("is_active", "level", "period", "task_type", "set_by_administrator")
    search_fields = ("name", "user__username", "user__email")
    list_select_related = ("user",)
    autocomplete_fields = ("user",)
    raw_id_fields = ("workspace", "api_key")
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
            return ("level", *WHOM, "period", "task_type", "model", "limit_nanos", "name")
        return (
            "level", *WHOM, "period", "task_type", "model", "time_zone", "limit_nanos", "name",
            "alert_percents", "pace_aware", "set_by", "set_by_administrator", "is_active",
            "created_at",
        )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = ("level", *WHOM, "period", "task_type", "model", "time_zone", "set_by")
        return (*fixed, "created_at") if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            self._add(request, obj)
            return
        if "limit_nanos" in form.changed_data:
            limits.set_limit(
                obj, limit_nanos=obj.limit_nanos, now=timezone.now(), by=operator_of(request)
            )
            self._say_who_may_change_it(request, obj)
        if "is_active" in form.changed_data and not obj.is_active:
            limits.close_budget(obj, by=operator_of(request))
        super().save_model(request, obj, form, change)
        if "alert_percents" in form.changed_data:
            note_reached_by(obj, now=timezone.now())
        self._note_the_rest(request, obj, form)

    def _add(self, request: HttpRequest, budget: Budget) -> None:
        """As every limit is made, and no one's to change but an administrator's."""
        made = limits.create_budget(
            **{name: getattr(budget, name) for name in ("level", *WHOM, "period", "task_type")},
            model=budget.model,
            limit_nanos=budget.limit_nanos,
            name=budget.name,
            set_by=operator_of(request),
            set_by_administrator=True,
        )
        budget.pk, budget._state.adding = made.pk, False
        budget.refresh_from_db()

    def _note_the_rest(self, request: HttpRequest, budget: Budget, form: Any) -> None:
        """Of what was changed, that of which the services above do not tell the audit trail."""
        told = {"limit_nanos"} if budget.is_active else {"limit_nanos", "is_active"}
        rest = [name for name in form.changed_data if name not in told]
        if rest:
            before = {name: plain(form.initial.get(name)) for name in rest}
            after = {name: plain(getattr(budget, name)) for name in rest}
            note_limit(
                Action.LIMIT_CHANGED, budget, by=operator_of(request), before=before, after=after
            )

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

"""Floors and bonus of routing. A change is a new row; receipts name the row they were made by."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from router_app.admin.audited import note_new
from router_app.admin.read_only import AddOnlyAdmin
from router_app.models import AuditEntry, RoutingPolicy

RULES = ("floor_low", "floor_medium", "floor_high", "strength_bonus", "near_equal_points")


class PolicyForm(forms.ModelForm):
    """The numbers of the rules."""

    class Meta:
        model = RoutingPolicy
        fields = (*RULES, "note")
        help_texts = {
            "floor_low": "Least quality score of a model for a request of low quality.",
            "floor_medium": "The same for medium.",
            "floor_high": "The same for high.",
            "strength_bonus": "Points a model gains where the task is among its strengths.",
            "near_equal_points": "So far below the best score a model counts as its equal, where a "
            "limit saves ahead of its pace.",
            "note": "Why it changes, for whoever reads a receipt later.",
        }

    def clean(self) -> dict[str, Any]:
        """Floors rise with quality, and something changes."""
        data = super().clean() or {}
        if self.errors:
            return data
        if not data["floor_low"] <= data["floor_medium"] <= data["floor_high"]:
            raise ValidationError("Floors must rise: low, then medium, then high.")
        latest = RoutingPolicy.objects.order_by("-pk").first()
        if latest and all(data[rule] == getattr(latest, rule) for rule in RULES):
            raise ValidationError("This is the policy in force already.")
        return data


@admin.register(RoutingPolicy)
class RoutingPolicyAdmin(AddOnlyAdmin):
    """Every policy there ever was; the newest is in force."""

    form = PolicyForm
    list_display = ("__str__", "in_force", *RULES, "note", "created_at", "created_by")
    list_select_related = ("created_by",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        note_new(request, AuditEntry.Action.POLICY_ADDED, obj, (*RULES, "note"))

    @admin.display(boolean=True)
    def in_force(self, policy: RoutingPolicy) -> bool:
        """Whether requests are routed by it now."""
        return not RoutingPolicy.objects.filter(pk__gt=policy.pk).exists()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        latest = RoutingPolicy.objects.order_by("-pk").first()
        return {rule: getattr(latest, rule) for rule in RULES} if latest else {}

"""What was asked of which provider, and the one thing an operator may do: correct a cost."""

import json
import uuid

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from router_app.admin.columns import exact_usd_column, usd_column
from router_app.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from router_app.gateway.corrections import correct_call
from router_app.models import Call, RoutingDecision
from router_app.money import NANOS_PER_USD, plain_usd
from router_app.web.fields import UsdField

DEAREST_NANOS = 10_000 * NANOS_PER_USD  # for one call: somebody mistyped


class CallInline(ReadOnlyInline):
    """The attempts of one request."""

    model = Call
    ordering = ("attempt",)
    fields = readonly_fields = ("attempt", "model", "outcome", "cost", "correction", "closed_at")
    cost = usd_column("cost_nanos", "cost")
    correction = usd_column("correction_nanos", "correction")


@admin.register(RoutingDecision)
class RoutingDecisionAdmin(ReadOnlyAdmin):
    """Requests with the receipt of their routing. Prompts are their owners' and not shown."""

    inlines = (CallInline,)
    list_display = (
        "created_at", "user", "face", "task_type", "quality", "quality_met", "outcome", "cost",
    )  # fmt: skip
    list_filter = ("outcome", "face", "task_type", "quality", "quality_met", "created_at")
    search_fields = ("id__exact", "user__username")
    list_select_related = ("user",)
    ordering = ("-created_at",)
    never_asked_for = ("prompt",)
    fields = (
        "id", "user", "api_key", "face", "task_type", "quality", "request_budget",
        "requested_model", "quality_met", "outcome", "cost", "created_at", "closed_at",
        "prompt_is_kept", "receipt_text",
    )  # fmt: skip
    readonly_fields = fields
    cost = usd_column("cost_nanos", "cost")
    request_budget = usd_column("budget_nanos", "budget of the request")

    @admin.display(boolean=True)
    def prompt_is_kept(self, decision: RoutingDecision) -> bool:
        """Whether its owner has prompts stored."""
        return bool(decision.prompt)

    @admin.display(description="receipt")
    def receipt_text(self, decision: RoutingDecision) -> str:
        """The decision as it is stored."""
        return format_html("<pre>{}</pre>", json.dumps(decision.receipt, indent=2))


class CorrectionForm(forms.Form):
    """What a call really cost, and how one knows."""

    actual = UsdField(
        label="It really cost (USD)",
        max_nanos=DEAREST_NANOS,
        help_text="The whole cost of the call, not the difference.",
    )
    reason = forms.CharField(
        max_length=200,
        help_text="For example the provider's invoice. It stays in the journal.",
        widget=forms.TextInput(attrs={"size": 80}),
    )


@admin.register(Call)
class CallAdmin(ReadOnlyAdmin):
    """Attempts at providers. Rows are never edited; a correction adds entries to the journal."""

    list_display = (
        "created_at", "user", "model", "outcome", "cost", "correction", "tokens", "usage_source",
        "task_type", "failure_kind",
    )  # fmt: skip
    list_filter = ("outcome", "usage_source", "failure_kind", "task_type", "model", "created_at")
    search_fields = ("id__exact", "user__username", "provider_request_id")
    list_select_related = ("user", "model__provider")
    actions = ("correct_cost",)
    fields = (
        "id", "correct_link", "decision", "attempt", "user", "model", "price", "task_type",
        "quality", "outcome", "failure_kind", "failure_detail", "finish_reason",
        "output_cap_tokens", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens",
        "usage_source", "estimated", "held", "booked", "correction", "reservation",
        "provider_request_id", "created_at", "sent_at", "first_token_at", "closed_at",
    )  # fmt: skip
    readonly_fields = fields
    cost = usd_column("cost_nanos", "cost")
    estimated = exact_usd_column("estimated_nanos", "estimated")
    held = exact_usd_column("reserved_nanos", "held")
    booked = exact_usd_column("cost_nanos", "booked when it was closed")
    correction = exact_usd_column("correction_nanos", "corrected by")

    @admin.display(description="tokens in, out")
    def tokens(self, call: Call) -> str:
        """Its usage in short."""
        return f"{call.input_tokens:,}, {call.output_tokens:,}"

    @admin.display(description="cost")
    def correct_link(self, call: Call) -> str:
        """The way to the form of a correction."""
        if call.closed_at is None:
            return "Still running"
        return format_html('<a href="{}">Correct the cost…</a>', _correction_url(call.pk))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.correct_view)
        own = path("<uuid:pk>/correct/", view, name="router_app_call_correct")
        return [own, *super().get_urls()]

    def has_correct_permission(self, request: HttpRequest) -> bool:
        """Whether this operator may correct what calls cost."""
        return request.user.has_perm("router_app.change_call")

    @admin.action(description="Correct the cost…", permissions=["correct"])
    def correct_cost(self, request: HttpRequest, calls: QuerySet[Call]) -> HttpResponse | None:
        chosen = list(calls[:2])
        if len(chosen) == 1:
            return HttpResponseRedirect(_correction_url(chosen[0].pk))
        self.message_user(request, "Choose one call; each has a cost of its own.", messages.ERROR)
        return None

    def correct_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Ask for the true cost and the reason; book the difference."""
        if not self.has_correct_permission(request):
            raise PermissionDenied
        call = get_object_or_404(Call.objects.select_related("user", "model__provider"), pk=pk)
        form = CorrectionForm(request.POST or None)
        if request.method == "POST" and form.is_valid() and self._correct(request, call, form):
            return HttpResponseRedirect(reverse("admin:router_app_call_change", args=[pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": "Correct the cost of a call",
            "opts": self.opts,
            "call": call,
            "form": form,
            "booked": plain_usd(call.total_nanos),
            "held": plain_usd(call.reserved_nanos),
        }
        return TemplateResponse(request, "admin/correct_call.html", context)

    def _correct(self, request: HttpRequest, call: Call, form: CorrectionForm) -> bool:
        data = form.cleaned_data
        if data["actual"] == call.total_nanos:
            form.add_error("actual", "That is what is booked already.")
            return False
        try:
            delta = correct_call(
                call.pk,
                actual_nanos=data["actual"],
                author_id=request.user.pk,
                reason=data["reason"],
            )
        except ValueError as error:
            form.add_error(None, f"{str(error).capitalize()}.")
            return False
        said = f"Cost corrected by {plain_usd(delta)} USD: {data['reason']}"
        self.log_change(request, call, said)
        self.message_user(request, said, messages.SUCCESS)
        return True


def _correction_url(pk: uuid.UUID) -> str:
    return reverse("admin:router_app_call_correct", args=[pk])

"""`/budgets/`: what a person may spend, what is spent and held of it, and limits of their own."""

import uuid

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from router_app.budgets import self_service
from router_app.budgets.statements import Statement, statements_of
from router_app.models import Budget, Conversation, Level, Period
from router_app.models.fields import TASK_CHOICES
from router_app.money import format_usd
from router_app.web.context import in_its_zone
from router_app.web.fields import UsdField, focus_first_error
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import membership_of, own_scope

ALL = "all"
PERIOD_CHOICES = [
    (Period.DAY.value, "Day"),
    (Period.WEEK.value, "Week, from Monday"),
    (Period.MONTH.value, "Month"),
    (Period.TOTAL.value, "Total, never resets"),
]


class LimitForm(forms.Form):
    """Another amount for a limit."""

    limit = UsdField(label="Limit in US dollars", help_text="0 stops all spending.")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["limit"]
        most = format_usd(settings.SELF_SERVICE_MAX_NANOS)
        field.help_text = f"Up to {most}; an administrator can set more. {field.help_text}"


class NewLimitForm(LimitForm):
    """A further limit."""

    period = forms.ChoiceField(label="Per", choices=PERIOD_CHOICES, initial=Period.DAY)
    task_type = forms.ChoiceField(label="For", choices=[(ALL, "All tasks"), *TASK_CHOICES])
    field_order = ["period", "task_type", "limit"]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def budgets(request: SignedIn) -> HttpResponse:
    """All limits with their gauges, and the form for another one."""
    form = NewLimitForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _create(request, form):
        return redirect("budgets")
    focus_first_error(form)
    context = {"form": form, "statements": _statements(request), "back": _way_back(request)}
    return render(request, "budgets/budgets.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: SignedIn, pk: int) -> HttpResponse:
    """Change the amount of one's own limit."""
    budget = _own_budget(request, pk)
    form = LimitForm(request.POST or None, initial={"limit": budget.limit_nanos})
    if request.method == "POST" and form.is_valid() and _change(request, budget, form):
        return redirect("budgets")
    focus_first_error(form)
    context = {
        "form": form,
        "budget": budget,
        "statement": next((s for s in _statements(request) if s.budget_id == pk), None),
        "protected": self_service.is_protected(budget),
    }
    return render(request, "budgets/edit.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def close(request: SignedIn, pk: int) -> HttpResponse:
    """Ask, then close one's own limit."""
    budget = _own_budget(request, pk)
    if request.method == "POST":
        try:
            self_service.close_own_limit(budget)
        except self_service.NotYours as no:
            messages.error(request, str(no))
        else:
            messages.success(request, f"{budget.name} is closed; it no longer holds you back.")
        return redirect("budgets")
    context = {"budget": budget, "protected": self_service.is_protected(budget)}
    return render(request, "budgets/close.html", context)


def _way_back(request: SignedIn) -> uuid.UUID | None:
    """The conversation that a refusal sent the person here from; kept over one change."""
    found = request.GET.get("back", "")[:36]
    if found:
        request.session["back"] = found
    else:
        found = request.session.pop("back", "")
    own = Conversation.objects.filter(**own_scope(request).filters)
    try:
        return own.values_list("pk", flat=True).filter(pk=uuid.UUID(found)).first()
    except ValueError:
        return None


def _own_budget(request: SignedIn, pk: int) -> Budget:
    own = Budget.objects.filter(level=Level.USER, user=request.user, is_active=True)
    budget = get_object_or_404(own, pk=pk)
    if budget.set_by_administrator:
        raise PermissionDenied("An administrator set this limit.")
    return budget


def _create(request: SignedIn, form: NewLimitForm) -> bool:
    data = form.cleaned_data
    try:
        budget = self_service.create_own_limit(
            user=request.user,
            period=data["period"],
            limit_nanos=data["limit"],
            task_type="" if data["task_type"] == ALL else data["task_type"],
        )
    except self_service.NotYours as no:
        form.add_error(None, ValidationError(str(no)))
        return False
    messages.success(request, f"{budget.name} of {format_usd(budget.limit_nanos)} is in force.")
    return True


def _change(request: SignedIn, budget: Budget, form: LimitForm) -> bool:
    try:
        self_service.change_own_limit(
            budget, limit_nanos=form.cleaned_data["limit"], now=timezone.now()
        )
    except self_service.NotYours as no:
        form.add_error("limit", ValidationError(str(no)))
        return False
    _say_what_changed(request, budget)
    return True


def _say_what_changed(request: SignedIn, budget: Budget) -> None:
    text = f"{budget.name} is {format_usd(budget.limit_nanos)} now, also for the running period."
    statement = next(s for s in _statements(request) if s.budget_id == budget.pk)
    if statement.free_nanos > 0:
        messages.success(request, text)
        return
    used = statement.spent_nanos + statement.reserved_nanos + statement.overage_nanos
    until = "until it resets or is raised" if statement.resets_at else "until it is raised"
    messages.warning(
        request,
        f"{text} {format_usd(used)} of it is spent or held, so requests are refused {until}.",
    )


def _statements(request: SignedIn) -> list[Statement]:
    """The statements, each moment in its budget's own zone so that midnight reads as midnight."""
    return [in_its_zone(s) for s in statements_of(membership_of(request), now=timezone.now())]

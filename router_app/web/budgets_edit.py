"""`/budgets/<pk>/`: another amount for a limit and its pace, a top-up for its period, its end."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from router_app.budgets.permissions import NotYours, powers_of
from router_app.budgets.plans import open_windows
from router_app.budgets.self_service import is_protected
from router_app.budgets.setting import change_alerts, change_limit, close_limit
from router_app.budgets.statements import Statement, statements_for
from router_app.budgets.topups import top_up
from router_app.models import Budget, Membership, TopUp
from router_app.money import format_usd
from router_app.web.budget_forms import ChangeLimitForm, TopUpForm
from router_app.web.budgets_shown import budgets_in_sight
from router_app.web.context import in_its_zone
from router_app.web.fields import focus_first_error
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import membership_of

TOPPED_UP_BY = "topped_up_by_form"  # session: the last form that topped a limit up


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: SignedIn, pk: int) -> HttpResponse:
    """Change the amount of a limit that is the person's to change."""
    budget = _to_change(request, pk)
    form = ChangeLimitForm(request.POST or None, budget=budget)
    if request.method == "POST" and form.is_valid() and _change(request, budget, form):
        return redirect(_home_of(request, budget))
    return _render(request, budget, form, TopUpForm(budget=budget))


@login_required
@require_POST
def topup(request: SignedIn, pk: int) -> HttpResponse:
    """Add an amount to the running period."""
    budget = _to_change(request, pk)
    form = TopUpForm(request.POST, budget=budget)
    if form.is_valid() and _top_up(request, budget, form):
        return redirect("budgets_edit", pk)
    return _render(request, budget, ChangeLimitForm(budget=budget), form)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def close(request: SignedIn, pk: int) -> HttpResponse:
    """Ask, then close a limit that is the person's to change."""
    budget = _to_change(request, pk)
    if request.method == "POST":
        try:
            close_limit(budget, by=request.user)
        except NotYours as no:
            messages.error(request, str(no))
        else:
            messages.success(request, f"{budget.name} is closed; it no longer holds anybody back.")
        return redirect(_home_of(request, budget))
    context = {
        "budget": budget,
        "protected": is_protected(budget),
        "home": _home_of(request, budget),
    }
    return render(request, "budgets/close.html", context)


def _to_change(request: SignedIn, pk: int) -> Budget:
    """The limit, where the person finds it and may change it."""
    powers = powers_of(request.user)
    budget = get_object_or_404(budgets_in_sight(membership_of(request), powers), pk=pk)
    if not powers.may_change(budget):
        raise PermissionDenied("An administrator set this limit.")
    return budget


def _home_of(request: SignedIn, budget: Budget) -> str:
    """The page that lists the limit: another member's is not among one's own."""
    whose = budget.api_key.user_id if budget.api_key else budget.user_id
    if whose in (None, request.user.pk):
        return reverse("budgets")
    places = Membership.objects.filter(workspace=membership_of(request).workspace_id, left_at=None)
    place = places.filter(user=whose).values_list("pk", flat=True).first()
    return reverse("budgets_member", args=[place]) if place else reverse("budgets")


def _render(
    request: SignedIn, budget: Budget, form: ChangeLimitForm, top_up_form: TopUpForm
) -> HttpResponse:
    focus_first_error(form)
    focus_first_error(top_up_form)
    context = {
        "form": form,
        "top_up_form": top_up_form,
        "top_ups": _top_ups(budget),
        "budget": budget,
        "home": _home_of(request, budget),
        "statement": in_its_zone(_statement(budget)),
        "protected": is_protected(budget),
    }
    return render(request, "budgets/edit.html", context)


def _top_ups(budget: Budget) -> QuerySet[TopUp]:
    """Those of the running period."""
    running = open_windows({budget.pk: budget}, timezone.now()).get(budget.pk)
    return TopUp.objects.filter(window=running).select_related("author")


def _statement(budget: Budget) -> Statement:
    return statements_for([budget], now=timezone.now())[0]


def _change(request: SignedIn, budget: Budget, form: ChangeLimitForm) -> bool:
    data, now, before = form.cleaned_data, timezone.now(), budget.limit_nanos
    try:
        with transaction.atomic():
            change_limit(
                budget,
                by=request.user,
                limit_nanos=data["limit"],
                now=now,
                pace_aware=data.get("pace_aware"),
            )
            if "alerts" in form.data:  # left out is left as it is
                change_alerts(budget, by=request.user, percents=data["alerts"], now=now)
    except NotYours as no:
        form.add_error("limit", ValidationError(str(no)))
        return False
    _say_what_changed(request, budget, before_nanos=before)
    return True


def _top_up(request: SignedIn, budget: Budget, form: TopUpForm) -> bool:
    data = form.cleaned_data
    if data["form_id"] and request.session.get(TOPPED_UP_BY) == data["form_id"]:
        messages.info(request, "That top-up was made already.")
        return True
    try:
        made = top_up(
            budget,
            amount_nanos=data["amount"],
            reason=data["reason"],
            author=request.user,
            until=data["until"],
            now=timezone.now(),
        )
    except (NotYours, ValueError) as no:
        text = str(no)
        form.add_error(None, ValidationError(f"{text[:1].upper()}{text[1:].rstrip('.')}."))
        return False
    request.session[TOPPED_UP_BY] = data["form_id"]
    messages.success(
        request,
        f"{format_usd(made.amount_nanos)} more for {budget.name}: "
        f"{format_usd(_statement(budget).free_nanos)} is free now.",
    )
    return True


def _say_what_changed(request: SignedIn, budget: Budget, *, before_nanos: int) -> None:
    text = f"{budget.name} is {format_usd(budget.limit_nanos)} now, also for the running period."
    if budget.limit_nanos == before_nanos:
        text = f"{budget.name} is saved."
    if budget.pace_aware:
        text += " It saves while money goes faster than time."
    statement = _statement(budget)
    if statement.free_nanos > 0:
        messages.success(request, text)
        return
    used = statement.spent_nanos + statement.reserved_nanos + statement.overage_nanos
    until = "until it resets or is raised" if statement.resets_at else "until it is raised"
    messages.warning(
        request,
        f"{text} {format_usd(used)} of it is spent or held, so requests are refused {until}.",
    )

"""`/budgets/presumed/`: charges that nobody knows the truth of, to be confirmed or corrected.

An admin of a workspace decides on its calls but not on their own, for a correction gives money
back; operators decide on all of them.
"""

import uuid

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from router_app.analytics.presumed import presumed_calls
from router_app.budgets.permissions import powers_of
from router_app.gateway.corrections import correct_call
from router_app.models import Call
from router_app.money import NANOS_PER_USD, format_usd
from router_app.web.fields import UsdField, focus_first_error
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import membership_of

PER_PAGE = 25
DEAREST_NANOS = 10_000 * NANOS_PER_USD  # for one call: somebody mistyped


class TruthForm(forms.Form):
    """What a call really cost, and how one knows."""

    actual = UsdField(
        label="It really cost, in US dollars",
        max_nanos=DEAREST_NANOS,
        help_text="As it stands here to confirm what is booked.",
    )
    reason = forms.CharField(
        label="How do you know?",
        max_length=200,
        help_text="For example the provider's invoice. It stays in the journal.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@login_required
@require_safe
def presumed(request: SignedIn) -> HttpResponse:
    """Every presumed charge that waits for somebody's word."""
    found, is_everybodys = _in_sight(request)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "everybodys": is_everybodys,
        "workspace": membership_of(request).workspace,
    }
    return render(request, "budgets/presumed.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: SignedIn, pk: uuid.UUID) -> HttpResponse:
    """Confirm one, or say what it really cost."""
    found, is_everybodys = _in_sight(request)
    call = get_object_or_404(found, pk=pk)
    is_own = call.user_id == request.user.pk and not is_everybodys
    form = TruthForm(request.POST or None, initial={"actual": call.total_nanos})
    if request.method == "POST":
        if is_own:
            raise PermissionDenied("Somebody else decides what your own requests cost.")
        if form.is_valid() and _book(request, call, form):
            return redirect("budgets_presumed")
    focus_first_error(form)
    context = {"call": call, "form": form, "is_own": is_own}
    return render(request, "budgets/decide.html", context)


def _in_sight(request: SignedIn) -> tuple[QuerySet[Call], bool]:
    """The charges on which the person may have a word, and whether these are everybody's."""
    powers, workspace_id = powers_of(request.user), membership_of(request).workspace_id
    if powers.corrects_costs:
        return presumed_calls(None), True
    if workspace_id not in powers.admin_of:
        raise PermissionDenied("Only admins of the workspace decide on presumed charges.")
    return presumed_calls(workspace_id), False


def _book(request: SignedIn, call: Call, form: TruthForm) -> bool:
    data = form.cleaned_data
    try:
        delta = correct_call(
            call.pk,
            actual_nanos=data["actual"],
            author_id=request.user.pk,
            reason=data["reason"],
        )
    except ValueError as error:
        form.add_error(None, ValidationError(f"{str(error).capitalize()}."))
        return False
    cost = format_usd(data["actual"])
    done = f"corrected to {cost}" if delta else f"confirmed at {cost}"
    messages.success(request, f"The charge is {done}.")
    return True

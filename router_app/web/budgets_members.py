"""`/budgets/members/`: the members of a workspace, found by name, and the limits of each."""

from collections import Counter

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from router_app.budgets.permissions import Powers, powers_of
from router_app.models import ApiKey, Budget, Level, Membership
from router_app.web.budget_forms import NewLimitForm
from router_app.web.budgets import add_limit
from router_app.web.budgets_shown import shown_to
from router_app.web.fields import focus_first_error
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import membership_of

PER_PAGE = 25
LONGEST_NAME = 150


@login_required
@require_safe
def members(request: SignedIn) -> HttpResponse:
    """The workspace's members by name, a page at a time, with how many limits each has."""
    lead, _ = _lead(request)
    name = request.GET.get("name", "")[:LONGEST_NAME].strip()
    found = Membership.objects.filter(workspace=lead.workspace_id, left_at=None)
    if name:
        found = found.filter(user__username__icontains=name)
    by_name = found.select_related("user").order_by("user__username", "pk")
    page = Paginator(by_name, PER_PAGE).get_page(request.GET.get("page"))
    rows = _counts(page)
    context = {"page": page, "rows": rows, "name": name, "workspace": lead.workspace}
    return render(request, "budgets/members.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def member(request: SignedIn, pk: int) -> HttpResponse:
    """One member's limits in the workspace, those of their keys, and the form for another."""
    lead, powers = _lead(request)
    found = get_object_or_404(
        Membership.objects.select_related("user", "workspace"),
        pk=pk,
        workspace=lead.workspace_id,
        left_at=None,
    )
    keys = _keys_of(found)
    form = NewLimitForm(request.POST or None, whom=_whom(found, keys), own=False)
    if request.method == "POST" and form.is_valid() and _create(request, found, keys, form):
        return redirect("budgets_member", pk)
    focus_first_error(form)
    context = {
        "form": form,
        "member": found,
        "limits": shown_to(powers, _budgets_of(found), viewer=request.user),
    }
    return render(request, "budgets/member.html", context)


def _lead(request: SignedIn) -> tuple[Membership, Powers]:
    """The person's place, where it lets them decide on the workspace's limits."""
    own, powers = membership_of(request), powers_of(request.user)
    if own.workspace_id not in powers.admin_of:
        raise PermissionDenied("Only admins of the workspace set its members' limits.")
    return own, powers


def _counts(page: Page) -> list[tuple[Membership, int]]:
    """Those of one page, each with how many limits were set for them here."""
    people = [place.user_id for place in page]
    own = Budget.objects.filter(level=Level.MEMBER, user__in=people, is_active=True)
    here = own.filter(workspace__in={place.workspace_id for place in page})
    counts = Counter(here.values_list("user_id", flat=True))
    return [(place, counts[place.user_id]) for place in page]


def _keys_of(found: Membership) -> dict[str, ApiKey]:
    """Live ones, by what stands for them in the form."""
    live = ApiKey.objects.filter(user=found.user_id, workspace=found.workspace_id, revoked_at=None)
    return {f"key-{key.pk}": key for key in live.select_related("workspace")}


def _whom(found: Membership, keys: dict[str, ApiKey]) -> list[tuple[str, str]]:
    whole = (Level.MEMBER.value, f"{found.user} in {found.workspace}")
    return [whole, *((value, f"The key {key.name}") for value, key in keys.items())]


def _budgets_of(found: Membership) -> QuerySet[Budget]:
    as_member = Q(level=Level.MEMBER, user=found.user_id, workspace=found.workspace_id)
    of_keys = Q(
        level=Level.KEY,
        api_key__user=found.user_id,
        api_key__workspace=found.workspace_id,
        api_key__revoked_at=None,
    )
    return Budget.objects.filter(as_member | of_keys, is_active=True).select_related("api_key")


def _create(
    request: SignedIn, found: Membership, keys: dict[str, ApiKey], form: NewLimitForm
) -> bool:
    key = keys.get(form.cleaned_data["whom"])
    if key is not None:
        return add_limit(request, form, level=Level.KEY, api_key=key)
    return add_limit(request, form, level=Level.MEMBER, user=found.user, workspace=found.workspace)

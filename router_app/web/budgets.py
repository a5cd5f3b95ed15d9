"""`/budgets/`: what bounds a person here, what is spent and held of it, and further limits."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from router_app.budgets.permissions import NotYours, Powers, powers_of
from router_app.budgets.setting import set_new_limit
from router_app.models import ApiKey, Conversation, Level, Membership
from router_app.money import format_usd
from router_app.web.budget_forms import NewLimitForm
from router_app.web.budgets_shown import everybody_in, groups_for
from router_app.web.fields import focus_first_error
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import membership_of, own_scope

MOST_KEYS = 200  # to choose from; the newest


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def budgets(request: SignedIn) -> HttpResponse:
    """All limits with their gauges, and the form for another one."""
    member, powers = membership_of(request), powers_of(request.user)
    form = NewLimitForm(request.POST or None, whom=_whom(member, powers))
    if request.method == "POST" and form.is_valid() and _create(request, member, form):
        return redirect("budgets")
    focus_first_error(form)
    is_admin = member.workspace_id in powers.admin_of
    context = {
        "form": form,
        "groups": groups_for(member, powers),
        "leads_members": is_admin and not member.workspace.is_personal,
        "leads": is_admin or powers.corrects_costs,
        "back": _way_back(request),
    }
    return render(request, "budgets/budgets.html", context)


def add_limit(request: SignedIn, form: NewLimitForm, **whom: object) -> bool:
    """Make the limit of a valid form for these; what is in the way is said in the form."""
    data = form.cleaned_data
    try:
        budget = set_new_limit(
            by=request.user,
            period=data["period"],
            limit_nanos=data["limit"],
            task_type=data["task_type"],
            model=data["model"],
            **whom,  # type: ignore[arg-type]
        )
    except NotYours as no:
        form.add_error(None, ValidationError(str(no)))
        return False
    messages.success(request, f"{budget.name} of {format_usd(budget.limit_nanos)} is in force.")
    return True


def _whom(member: Membership, powers: Powers) -> list[tuple[str, str]]:
    """For whom the person may set limits from this page."""
    found = [(Level.USER.value, "You, wherever you ask")]
    if member.workspace_id in powers.admin_of and not member.workspace.is_personal:
        found.append((Level.WORKSPACE.value, everybody_in(member)))
    if powers.sets_site_limits:
        found.append((Level.SITE.value, "Everybody on this site"))
    keys = _keys_of(member).order_by("-pk")[:MOST_KEYS]
    return [*found, *((f"key-{key.pk}", f"Your key {key.name}") for key in keys)]


def _create(request: SignedIn, member: Membership, form: NewLimitForm) -> bool:
    level, _, key_id = form.cleaned_data["whom"].partition("-")
    if level == Level.KEY:
        return add_limit(request, form, level=level, api_key=_keys_of(member).get(pk=key_id))
    workspace = member.workspace if level == Level.WORKSPACE else None
    user = request.user if level == Level.USER else None
    return add_limit(request, form, level=level, user=user, workspace=workspace)


def _keys_of(member: Membership) -> QuerySet[ApiKey]:
    own = {"user": member.user_id, "workspace": member.workspace_id}
    return ApiKey.objects.filter(**own, revoked_at=None).select_related("workspace")


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

"""`/dashboard/`: what one asked and spent in a range of days, and how that changes.

In a team one looks at one's own part or at the team's totals; a viewer at the totals alone.
"""

import json
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from router_app.analytics.changes import latest_change
from router_app.analytics.ranges import Range, RangeKey, Step
from router_app.analytics.scope import Scope
from router_app.analytics.spending import Overview, has_calls, overview, range_for
from router_app.models import Role
from router_app.web.figures import figures_of
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import membership_of, own_scope, team_scope

DEFAULT = RangeKey.DAYS_30
CACHE_SECONDS = 60  # though nothing happens, the period before moves on with the clock
NOTHING_EVER = "nothing"
MINE, TEAMS = "mine", "team"
CHOICES = (
    (RangeKey.TODAY, "Today"),
    (RangeKey.WEEK, "7 days"),
    (RangeKey.DAYS_30, "30 days"),
    (RangeKey.MONTH, "Month"),
    (RangeKey.ALL, "All"),
)
TITLES = {
    Step.HOUR: "What each hour cost",
    Step.DAY: "What each day cost",
    Step.MONTH: "What each month cost",
}


class RangeForm(forms.Form):
    """From and to, for days of one's own choice."""

    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )
    until = forms.DateField(
        label="To", required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )


@login_required
@require_safe
def dashboard(request: SignedIn) -> HttpResponse:
    """The page: figures, charts, and the same as tables."""
    return render(request, "dashboard/dashboard.html", _context(request))


@login_required
@require_safe
def live(request: SignedIn) -> HttpResponse:
    """What changed, to be put in place; 204 while the page that asks is up to date."""
    context = _context(request)
    shown = request.GET.get("v", "")
    if shown == context["version"]:
        return HttpResponse(status=204)
    response = render(request, "dashboard/_live.html", {**context, "swap_oob": True})
    if NOTHING_EVER in (shown, context["version"]):
        response["HX-Refresh"] = "true"  # the first request ever: the page has other parts now
    return response


def _context(request: SignedIn) -> dict[str, Any]:
    form = RangeForm(request.GET)
    is_teams = _scope(request).user_id is None
    span = _span(request, form)
    found = _overview(request, span)
    shown = figures_of(found, span)
    has_any = bool(found.totals.requests) or has_calls(_scope(request))
    return {
        "span": span,
        "shown": shown,
        "charts_json": json.dumps(shown.charts),
        "version": shown.version if has_any else NOTHING_EVER,
        "has_any": has_any,
        "is_custom": span.key is RangeKey.CUSTOM,
        "choices": [(key.value, label, key is span.key) for key, label in CHOICES],
        "form": RangeForm(initial={"since": span.first, "until": span.last}, label_suffix=""),
        "course_title": TITLES[span.step],
        "query": _query(span, is_teams=is_teams),
        "is_teams": is_teams,
        "may_ask": membership_of(request).may_ask,
        "whose": [(MINE, "Mine", not is_teams), (TEAMS, "The team's", is_teams)]
        if _may_choose(request)
        else [],
    }


def _span(request: SignedIn, form: RangeForm) -> Range:
    """The range asked for; what cannot be read is as if it were not said."""
    name = request.GET.get("range", DEFAULT)
    key = RangeKey(name) if name in set(RangeKey) else DEFAULT
    form.is_valid()
    first, last = form.cleaned_data.get("since"), form.cleaned_data.get("until")
    return range_for(_scope(request), key, first=first, last=last)


def _scope(request: SignedIn) -> Scope:
    """Whose requests: in a team everybody's for who asks for them, and for a viewer always."""
    member = membership_of(request)
    if member.workspace.is_personal:
        return own_scope(request)
    wants_teams = request.GET.get("whose") == TEAMS or member.role == Role.VIEWER
    return team_scope(request) if wants_teams else own_scope(request)


def _may_choose(request: SignedIn) -> bool:
    member = membership_of(request)
    return not member.workspace.is_personal and member.role != Role.VIEWER


def _query(span: Range, *, is_teams: bool) -> str:
    query = QueryDict(mutable=True)
    if is_teams:
        query["whose"] = TEAMS
    query["range"] = span.key.value
    if span.key is RangeKey.CUSTOM:
        query["since"], query["until"] = span.first.isoformat(), span.last.isoformat()
    return query.urlencode()


def _overview(request: SignedIn, span: Range) -> Overview:
    """Asked every few seconds by every open dashboard, summed again only when something changed."""
    scope = _scope(request)
    days = f"{span.key}:{span.first}:{span.last}:{span.zone.key}"
    key = f"dashboard:{scope.workspace_id}:{scope.user_id}:{days}:{latest_change()}"
    found: Overview | None = cache.get(key)
    if found is None:
        found = overview(scope, span)
        cache.set(key, found, CACHE_SECONDS)
    return found

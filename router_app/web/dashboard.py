"""`/dashboard/`: what one asked and spent in a range of days, and how that changes.

In a team one looks at one's own part or at the team's totals; a viewer at the totals alone.
"""

import json
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from router_app.analytics.changes import latest_change
from router_app.analytics.ranges import Range, Step
from router_app.analytics.scope import Scope
from router_app.analytics.spending import Overview, has_calls, overview
from router_app.web.figures import figures_of
from router_app.web.range_choice import range_asked, range_context, range_query, scope_asked
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import membership_of

CACHE_SECONDS = 60  # though nothing happens, the period before moves on with the clock
NOTHING_EVER = "nothing"
TITLES = {
    Step.HOUR: "What each hour cost",
    Step.DAY: "What each day cost",
    Step.MONTH: "What each month cost",
}


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
    scope = scope_asked(request)
    span = range_asked(request, scope)
    found = _overview(scope, span)
    shown = figures_of(found, span)
    has_any = bool(found.totals.requests) or has_calls(scope)
    return {
        **range_context(request, scope, span),
        "shown": shown,
        "charts_json": json.dumps(shown.charts),
        "version": shown.version if has_any else NOTHING_EVER,
        "has_any": has_any,
        "course_title": TITLES[span.step],
        "query": range_query(span, is_teams=scope.user_id is None).urlencode(),
        "may_ask": membership_of(request).may_ask,
    }


def _overview(scope: Scope, span: Range) -> Overview:
    """Asked every few seconds by every open dashboard, summed again only when something changed."""
    days = f"{span.key}:{span.first}:{span.last}:{span.zone.key}"
    key = f"dashboard:{scope.workspace_id}:{scope.user_id}:{days}:{latest_change()}"
    found: Overview | None = cache.get(key)
    if found is None:
        found = overview(scope, span)
        cache.set(key, found, CACHE_SECONDS)
    return found

"""`/dashboard/`: what one asked and spent in a range of days, and how that changes."""

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
from router_app.analytics.spending import Overview, has_calls, overview, range_for
from router_app.web.figures import figures_of
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import own_scope

DEFAULT = RangeKey.DAYS_30
CACHE_SECONDS = 60  # though nothing happens, the period before moves on with the clock
NOTHING_EVER = "nothing"
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
    span = _span(request, form)
    found = _overview(request, span)
    shown = figures_of(found, span)
    has_any = bool(found.totals.requests) or has_calls(own_scope(request))
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
        "query": _query(span),
    }


def _span(request: SignedIn, form: RangeForm) -> Range:
    """The range asked for; what cannot be read is as if it were not said."""
    name = request.GET.get("range", DEFAULT)
    key = RangeKey(name) if name in set(RangeKey) else DEFAULT
    form.is_valid()
    first, last = form.cleaned_data.get("since"), form.cleaned_data.get("until")
    return range_for(own_scope(request), key, first=first, last=last)


def _query(span: Range) -> str:
    query = QueryDict(mutable=True)
    query["range"] = span.key.value
    if span.key is RangeKey.CUSTOM:
        query["since"], query["until"] = span.first.isoformat(), span.last.isoformat()
    return query.urlencode()


def _overview(request: SignedIn, span: Range) -> Overview:
    """Asked every few seconds by every open dashboard, summed again only when something changed."""
    scope = own_scope(request)
    days = f"{span.key}:{span.first}:{span.last}:{span.zone.key}"
    key = f"dashboard:{scope.workspace_id}:{scope.user_id}:{days}:{latest_change()}"
    found: Overview | None = cache.get(key)
    if found is None:
        found = overview(scope, span)
        cache.set(key, found, CACHE_SECONDS)
    return found

"""`/budgets/<pk>/forecast/`: what a limit's period is likely to come to, and how sure that is."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from router_app.analytics.forecast.grounds import Grounds
from router_app.analytics.outlooks import Outlook, prospect_of
from router_app.budgets.permissions import powers_of
from router_app.budgets.statements import statements_for
from router_app.web import forecast_words as words
from router_app.web.budgets_shown import gauges_in_sight
from router_app.web.context import in_its_zone
from router_app.web.forecast_chart import chart_of
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import membership_of


@login_required
@require_safe
def forecast(request: SignedIn, pk: int) -> HttpResponse:
    """The forecast of one limit, for whoever sees its gauge. It says sums and nobody's part."""
    powers = powers_of(request.user)
    budget = get_object_or_404(gauges_in_sight(membership_of(request), powers), pk=pk)
    now = timezone.now()
    prospect = prospect_of(budget, now)
    (statement,) = statements_for([budget], now=now)
    outlook = prospect.outlook
    context = {
        "budget": budget,
        "may_change": powers.may_change(budget),
        "statement": in_its_zone(statement),
        "track": prospect.track,
        "record": words.record_of(prospect.track, budget.period),
    }
    if isinstance(outlook, Outlook):
        context |= _shown(outlook)
    else:
        context["known"] = outlook
    return render(request, "budgets/forecast.html", context)


def _shown(outlook: Outlook) -> dict[str, Any]:
    found, today = outlook.found, outlook.basis.history.today
    return {
        "outlook": outlook,
        "by": words.by(outlook),
        "runs_out": words.runs_out(outlook),
        "how_surely": words.how_surely(found.run_out, today),
        "chart": chart_of(outlook),
        "weekdays": _weekdays(found.grounds),
        "grounds": found.grounds.sentences(list_weekdays=False),
    }


def _weekdays(grounds: Grounds) -> list[tuple[str, int, float]]:
    """Each weekday's name, its percentage of an average day, and the length of its bar."""
    most = max((share for _, share in grounds.weekdays), default=1.0)
    return [
        (name, round(100 * share), round(100 * share / most, 1)) for name, share in grounds.weekdays
    ]

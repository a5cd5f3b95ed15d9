"""Which days a page looks at, and in a team whose: the control of the dashboard and of spending.

In a team one looks at one's own part or at the team's totals; a viewer at the totals alone.
"""

from typing import Any

from django import forms
from django.http import QueryDict

from router_app.analytics.ranges import Range, RangeKey
from router_app.analytics.scope import Scope
from router_app.analytics.spending import range_for
from router_app.models import Membership, Role
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import membership_of, own_scope, team_scope

DEFAULT = RangeKey.DAYS_30
MINE, TEAMS = "mine", "team"
CHOICES = (
    (RangeKey.TODAY, "Today"),
    (RangeKey.WEEK, "7 days"),
    (RangeKey.DAYS_30, "30 days"),
    (RangeKey.MONTH, "Month"),
    (RangeKey.ALL, "All"),
)


class RangeForm(forms.Form):
    """From and to, for days of one's own choice."""

    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )
    until = forms.DateField(
        label="To", required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )


def scope_asked(request: SignedIn) -> Scope:
    """Whose requests: in a team everybody's for who asks for them, and for a viewer always."""
    member = membership_of(request)
    if member.workspace.is_personal:
        return own_scope(request)
    wants_teams = request.GET.get("whose") == TEAMS or member.role == Role.VIEWER
    return team_scope(request) if wants_teams else own_scope(request)


def range_asked(request: SignedIn, scope: Scope) -> Range:
    """The range asked for; what cannot be read is as if it were not said."""
    name = request.GET.get("range", DEFAULT)
    key = RangeKey(name) if name in set(RangeKey) else DEFAULT
    form = RangeForm(request.GET)
    form.is_valid()
    first, last = form.cleaned_data.get("since"), form.cleaned_data.get("until")
    return range_for(scope, key, first=first, last=last)


def range_context(request: SignedIn, scope: Scope, span: Range) -> dict[str, Any]:
    """What `dashboard/_range.html` shows."""
    is_teams = scope.user_id is None
    return {
        "span": span,
        "is_custom": span.key is RangeKey.CUSTOM,
        "choices": [(key.value, label, key is span.key) for key, label in CHOICES],
        "form": RangeForm(initial={"since": span.first, "until": span.last}, label_suffix=""),
        "is_teams": is_teams,
        "whose": [(MINE, "Mine", not is_teams), (TEAMS, "The team's", is_teams)]
        if _may_choose(membership_of(request))
        else [],
    }


def range_query(span: Range, *, is_teams: bool) -> QueryDict:
    """The range as an address says it."""
    query = QueryDict(mutable=True)
    if is_teams:
        query["whose"] = TEAMS
    query["range"] = span.key.value
    if span.key is RangeKey.CUSTOM:
        query["since"], query["until"] = span.first.isoformat(), span.last.isoformat()
    return query


def _may_choose(member: Membership) -> bool:
    return not member.workspace.is_personal and member.role != Role.VIEWER

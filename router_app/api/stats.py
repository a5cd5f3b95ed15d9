"""`GET /stats`: what the caller, or their team, asked and spent in a period, also by groups."""

from datetime import date
from itertools import islice

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse

from router_app.analytics.attribution import (
    Attribution,
    Grouping,
    attribution,
    groupings_open_to,
)
from router_app.analytics.group_names import Named, named
from router_app.analytics.ranges import RangeKey
from router_app.analytics.scope import Scope
from router_app.analytics.spending import range_for, stats
from router_app.api.error_replies import ErrorReply
from router_app.api.face import caller_of, face, reply_response
from router_app.api.replies import GroupReply, GroupsReply, StatsReply
from router_app.api.requests import GroupsPage, Period, StatsDay, Whose
from router_app.errors import InvalidRequest, PermissionDenied
from router_app.gateway.keys import Principal
from router_app.models import Membership, User

RESPONSES = {
    200: StatsReply,
    400: ErrorReply,
    401: ErrorReply,
    403: ErrorReply,
    500: ErrorReply,
    503: ErrorReply,
}
GROUPS_A_PAGE = 1_000
CUSTOM = "custom"

_RANGES = {
    Period.DAY: RangeKey.TODAY,
    Period.TODAY: RangeKey.TODAY,
    Period.WEEK: RangeKey.WEEK,
    Period.MONTH: RangeKey.MONTH,
    Period.TOTAL: RangeKey.ALL,
    Period.ALL: RangeKey.ALL,
}


@face.get(
    "/stats",
    response=RESPONSES,
    operation_id="stats",
    summary="Your usage, or your team's",
    tags=["Usage"],
)
async def show_stats(
    request: HttpRequest,
    period: Period = Period.ALL,
    since: StatsDay = None,
    until: StatsDay = None,
    whose: Whose = Whose.MINE,
    group_by: Grouping | None = None,
    page: GroupsPage = 1,
) -> HttpResponse:
    """Requests, cost and models of the caller; a day begins at midnight in their time zone."""
    if "period" in request.GET and (since or until):
        raise InvalidRequest("'period' cannot be combined with 'since' or 'until'.", param="period")
    if since and until and until < since:
        raise InvalidRequest("'until' must not be before 'since'.", param="until")
    days = (since, until) if since or until else None
    caller = caller_of(request)
    return reply_response(await sync_to_async(_stats)(caller, period, days, whose, group_by, page))


def _stats(
    caller: Principal,
    period: Period,
    days: tuple[date | None, date | None] | None,
    whose: Whose,
    group_by: Grouping | None,
    page: int,
) -> StatsReply:
    scope = _scope(caller, whose, group_by)
    if days is None:
        span = range_for(scope, _RANGES[period])
    else:
        span = range_for(scope, RangeKey.CUSTOM, first=days[0], last=days[1])
    found = stats(scope, span)
    groups = attribution(scope, span, group_by, reader_id=caller.user_id) if group_by else None
    # Together with the groups, the whole is what these sum to, also if a call closed meanwhile.
    whole = groups.totals if groups else found.totals
    return StatsReply(
        total_requests=whole.requests,
        total_cost=whole.cost_nanos,
        average_cost=whole.average_cost_nanos,
        model_usage=found.model_usage,
        period=period if days is None else CUSTOM,
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        time_zone=scope.time_zone,
        groups=_page(groups, scope, page, reader_id=caller.user_id) if groups else None,
    )


def _scope(caller: Principal, whose: Whose, group_by: Grouping | None) -> Scope:
    """Whose requests, if the caller may see them so. Raises PermissionDenied."""
    user = User.objects.get(pk=caller.user_id)
    own = Scope.own(user, caller.workspace_id)
    if whose is Whose.MINE:
        return own
    places = Membership.objects.select_related("workspace")
    place = places.filter(workspace=own.workspace_id, user=user, left_at=None).first()
    if place is None or not place.workspace.is_open:
        raise PermissionDenied("You are no longer in this team.", param="whose")
    if place.workspace.is_personal:
        return own
    teams = Scope(place.workspace_id, None, place.workspace.time_zone)
    if group_by and group_by not in groupings_open_to(place.role, teams):
        raise PermissionDenied(
            "Only admins of the team see who spent what in it.", param="group_by"
        )
    return teams


def _page(groups: Attribution, scope: Scope, page: int, *, reader_id: int) -> GroupsReply:
    begin = (page - 1) * GROUPS_A_PAGE
    part = islice(groups.groups, begin, begin + GROUPS_A_PAGE)
    return GroupsReply(
        group_by=groups.by,
        count=len(groups.groups),
        page=page,
        pages=max(1, -(-len(groups.groups) // GROUPS_A_PAGE)),
        rows=tuple(map(_reply, named(part, scope, reader_id=reader_id))),
    )


def _reply(each: Named) -> GroupReply:
    sums = each.group.totals
    return GroupReply(
        kind=each.group.kind,
        id=str(each.group.id),
        name=each.program_name,
        requests=sums.requests,
        cost=sums.cost_nanos,
        average_cost=sums.average_cost_nanos,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
    )

"""`GET /stats`: what the caller asked and spent in a period."""

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse

from router_app.analytics.ranges import RangeKey
from router_app.analytics.scope import Scope
from router_app.analytics.spending import range_for, stats
from router_app.api.error_replies import ErrorReply
from router_app.api.face import caller_of, face, reply_response
from router_app.api.replies import StatsReply
from router_app.api.requests import Period
from router_app.gateway.keys import Principal
from router_app.models import User

RESPONSES = {
    200: StatsReply,
    400: ErrorReply,
    401: ErrorReply,
    500: ErrorReply,
    503: ErrorReply,
}

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
    summary="Your usage",
    tags=["Usage"],
)
async def show_stats(request: HttpRequest, period: Period = Period.ALL) -> HttpResponse:
    """Requests, cost and models of the caller; a day begins at midnight in their time zone."""
    return reply_response(await sync_to_async(_stats)(caller_of(request), period))


def _stats(caller: Principal, period: Period) -> StatsReply:
    scope = Scope.own(User.objects.get(pk=caller.user_id), caller.workspace_id)
    span = range_for(scope, _RANGES[period])
    found = stats(scope, span)
    return StatsReply(
        total_requests=found.total_requests,
        total_cost=found.total_cost_nanos,
        average_cost=found.average_cost_nanos,
        model_usage=found.model_usage,
        period=period,
        starts_at=span.starts_at,
        ends_at=span.ends_at,
        time_zone=scope.time_zone,
    )

"""`POST /route`: a prompt and a budget in, an answer and its receipt out."""

from django.http import HttpRequest, HttpResponse

from router_app.api.auth import ApiKey, Session
from router_app.api.error_replies import (
    BudgetErrorReply,
    ErrorReply,
    NoCandidateReply,
)
from router_app.api.face import caller_of, face, reply_response, request_id_of
from router_app.api.idempotency import HEADER, KEY_PARAMETER, claim_of, response_once
from router_app.api.receipts import answer_reply, attempt_reply, preview_reply
from router_app.api.replies import AttemptReply, RouteReply
from router_app.api.requests import RouteBody
from router_app.gateway import service
from router_app.gateway.execution import Run
from router_app.gateway.requests import Answer, RouteRequest
from router_app.gateway.service import answer_of
from router_app.gateway.writer import writer
from router_app.models import Call
from router_app.money import plain_usd

RESPONSES = {
    200: RouteReply,
    400: ErrorReply,
    401: ErrorReply,
    402: BudgetErrorReply,
    403: ErrorReply,
    409: ErrorReply,
    413: ErrorReply,
    415: ErrorReply,
    422: NoCandidateReply | ErrorReply,
    429: ErrorReply,
    500: ErrorReply,
    502: ErrorReply,
    503: ErrorReply,
    504: ErrorReply,
}


@face.post(
    "/route",
    response=RESPONSES,
    operation_id="route",
    summary="Route a prompt",
    tags=["Routing"],
    auth=[ApiKey(counted=True), Session()],
    openapi_extra={"parameters": [KEY_PARAMETER]},
)
async def route(request: HttpRequest, body: RouteBody) -> HttpResponse:
    """Choose the best model that the budgets allow, ask it, and say what it cost and why.

    With `dry_run` the decision and its price come back, and nothing is called, held or stored.
    """
    caller = caller_of(request)
    asked = body.for_caller(caller)
    if body.dry_run:
        return await _dry_run(asked)
    key = request.headers.get(HEADER)
    claim = claim_of(key, user_id=caller.user_id, address="/route", body=request.body)
    if claim is None:
        return await _response(await service.answer(asked))
    return await response_once(claim, asked, _ended, request_id_of(request))


async def _dry_run(asked: RouteRequest) -> HttpResponse:
    reply = preview_reply(await service.preview(asked))
    return reply_response(reply, {"x-router-model": reply.model, "x-router-cost": "0"})


async def _ended(run: Run) -> HttpResponse:
    return await _response(await answer_of(run))


async def _response(answer: Answer) -> HttpResponse:
    headers = {
        "x-router-model": answer.model,
        "x-router-cost": plain_usd(answer.total_cost_nanos),
        "x-router-call-id": str(answer.call_id),
    }
    return reply_response(answer_reply(answer, await _attempts(answer)), headers)


async def _attempts(answer: Answer) -> list[AttemptReply]:
    """Every call, where it took more than one: rare, so only then is it read."""
    if answer.attempts == 1:
        return []
    calls = Call.objects.filter(decision_id=answer.decision_id).select_related("model")
    # On the writer's thread: this may run after the request that asked has ended.
    return await writer.run(lambda: [attempt_reply(call) for call in calls.order_by("attempt")])

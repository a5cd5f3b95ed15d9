"""`POST /v1/chat/completions`: a conversation in, its next message out.

`respond` makes the reply to a run that was started, and is the same for whoever starts it.
"""

import time
import uuid

from router_app.api.v1.chunks import Chunks
from router_app.api.v1.outgoing import STREAM, Reply, json_reply
from router_app.api.v1.receipts import completion, dry_run, router_of_preview, usage_of
from router_app.api.v1.requests import ChatBody
from router_app.api.v1.routed import route_request
from router_app.api.v1.streams import Following, pieces_of
from router_app.gateway import service
from router_app.gateway.execution import Run
from router_app.gateway.keys import Principal
from router_app.gateway.service import Preview, answer_of
from router_app.money import plain_usd
from router_app.providers.base import Usage


async def complete(body: ChatBody, caller: Principal) -> Reply:
    """The reply. Raises RouterError where there is none."""
    request = route_request(body, caller)
    if body.wishes.dry_run:
        return _would(await service.preview(request), body)
    run = await service.start(request, ends_with_client=body.streams)
    return await respond(run, body)


async def respond(run: Run, body: ChatBody) -> Reply:
    """The reply to a run: its whole answer, or the stream of it. Raises RouterError."""
    created = int(time.time())
    return await (_streamed(run, body, created) if body.streams else _whole(run, body, created))


async def _whole(run: Run, body: ChatBody, created: int) -> Reply:
    """Whoever asked may leave: the run goes on and is booked."""
    answer = await answer_of(run)
    headers = {
        "x-router-model": answer.model,
        "x-router-cost": plain_usd(answer.total_cost_nanos),
        "x-router-call-id": str(answer.call_id),
    }
    return json_reply(completion(answer, created, tells_reasoning=body.tells_reasoning), headers)


async def _streamed(run: Run, body: ChatBody, created: int) -> Reply:
    following = Following(run)
    try:
        begun = await following.first()
        if begun is None:
            await answer_of(run)  # where there is none, that is a status and not a stream
    except BaseException:
        run.stop()
        raise
    chunks = _chunks(body, run.decision_id, created)
    headers = {
        **STREAM,
        "x-router-model": run.admission.spec.id,
        "x-router-call-id": str(run.admission.call_id),
    }
    return Reply(200, headers, pieces_of(run, following, begun, chunks), run.stop)


def _would(preview: Preview, body: ChatBody) -> Reply:
    """What would be done: no choices, nothing spent, and no call to name."""
    created = int(time.time())
    headers = {"x-router-model": preview.spec.id, "x-router-cost": "0"}
    if not body.streams:
        return json_reply(dry_run(preview, created), headers)
    chunks = _chunks(body, uuid.uuid4(), created)
    chunks.speak_as(preview.spec.id)
    end = chunks.last(None, router_of_preview(preview), usage_of(Usage(0, 0), 0))
    return Reply(200, {**STREAM, **headers}, end)


def _chunks(body: ChatBody, decision_id: uuid.UUID, created: int) -> Chunks:
    return Chunks(
        decision_id, created, wants_usage=body.wants_usage, tells_reasoning=body.tells_reasoning
    )

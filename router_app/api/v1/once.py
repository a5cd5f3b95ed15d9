"""A chat completion under an `Idempotency-Key`: made once, recorded, replayed as it was."""

import logging
from functools import partial

from msgspec.structs import replace

from router_app.api.errors import Unexpected
from router_app.api.idempotency import FINAL, HEADER, claim_of, headers_of, one_piece, whole
from router_app.api.v1.addresses import COMPLETIONS
from router_app.api.v1.asgi import Headers
from router_app.api.v1.completions import respond
from router_app.api.v1.errors import as_v1
from router_app.api.v1.outgoing import STREAM, Reply, error_reply
from router_app.api.v1.requests import ChatBody
from router_app.api.v1.routed import route_request
from router_app.gateway import recording
from router_app.gateway.execution import Run
from router_app.gateway.idempotency import Claim
from router_app.gateway.keys import Principal

logger = logging.getLogger(__name__)

_NAME = HEADER.lower().encode()


def claim_in(headers: Headers, caller: Principal, body: bytes) -> Claim | None:
    """What is claimed, where there is a key. Raises InvalidRequest for one that is none."""
    key = headers.get(_NAME)
    text = None if key is None else key.decode("latin-1")
    return claim_of(text, user_id=caller.user_id, address=COMPLETIONS, body=body)


async def complete_once(claim: Claim, body: ChatBody, caller: Principal) -> Reply:
    """The reply; whoever reads it may leave. Raises what `recording.once` does."""
    made = await recording.once(claim, route_request(body, caller), partial(_recordable, body))
    headers = headers_of(made)
    if headers["content-type"] == STREAM["content-type"]:
        return Reply(made.status, headers, made.pieces)
    return Reply(made.status, headers, await whole(made.pieces))


async def _recordable(body: ChatBody, run: Run) -> recording.Reply:
    try:
        reply = await respond(run, body)
    except Exception as exception:
        error = as_v1(exception)
        if isinstance(error, Unexpected):
            logger.error("a reply under a key failed unexpectedly", exc_info=exception)
        reply = error_reply(error)
        reply = replace(reply, headers={**reply.headers, **FINAL})
    pieces = one_piece(reply.body) if isinstance(reply.body, bytes) else reply.body
    return recording.Reply(reply.status, reply.headers, pieces)

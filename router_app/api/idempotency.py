"""`Idempotency-Key` over HTTP: reading it, and what goes with a reply that is recorded."""

import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping

from django.http import HttpResponse

from router_app.api.errors import error_response
from router_app.errors import InvalidRequest
from router_app.gateway.execution import Run
from router_app.gateway.idempotency import Claim
from router_app.gateway.recording import Reply, once
from router_app.gateway.requests import RouteRequest

HEADER = "Idempotency-Key"
KEY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "A key of your own for this request, printable ASCII. For 24 hours the same "
    "request with the same key is answered as the first one was, and never made twice.",
}
# With an error that is recorded: under the same key there will never be another answer.
FINAL = {"x-should-retry": "false"}
_KEY = re.compile(r"[\x20-\x7e]{1,255}")


def claim_of(key: str | None, *, user_id: int, address: str, body: bytes) -> Claim | None:
    """What the header claims for the `body` sent to `address`; None without the header.

    Bodies are the same if their bytes are. Raises InvalidRequest for a key that is none.
    """
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        message = f"'{HEADER}' must be 1 to 255 printable ASCII characters."
        raise InvalidRequest(message, param=HEADER)
    fingerprint = hashlib.sha256(b"POST %b\n%b" % (address.encode(), body)).hexdigest()
    return Claim(user_id, key, fingerprint)


def headers_of(reply: Reply) -> Mapping[str, str]:
    """The reply's headers; a replay says that it is one."""
    return {**reply.headers, "Idempotent-Replayed": "true"} if reply.is_replay else reply.headers


async def one_piece(body: bytes) -> AsyncGenerator[bytes]:
    """A whole body as the pieces of a reply."""
    yield body


async def whole(pieces: AsyncIterator[bytes]) -> bytes:
    """The pieces of a reply as a whole body."""
    return b"".join([piece async for piece in pieces])


async def response_once(
    claim: Claim,
    asked: RouteRequest,
    respond: Callable[[Run], Awaitable[HttpResponse]],
    request_id: str,
) -> HttpResponse:
    """A whole response to a request that is made at most once. Raises what `once` does."""

    async def recordable(run: Run) -> Reply:
        try:
            response = await respond(run)
        except Exception as exception:
            response = error_response(exception, request_id)
            for name, value in FINAL.items():
                response[name] = value
        return Reply(response.status_code, dict(response.items()), one_piece(response.content))

    reply = await once(claim, asked, recordable)
    body = await whole(reply.pieces)
    return HttpResponse(body, status=reply.status, headers=dict(headers_of(reply)))

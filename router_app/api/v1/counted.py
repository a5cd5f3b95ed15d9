"""Requests that count against the limits of their key, as `/route` counts them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec.structs import replace

from router_app.api.v1.chunks import DONE
from router_app.api.v1.outgoing import Reply
from router_app.gateway.rates import FREELY, Entered


async def leaving(reply: Reply, entered: Entered) -> Reply:
    """The reply, which says how the key stands.

    The request leaves just before its client hears the end: who asks again at once finds a place.
    """
    if entered is FREELY:
        return reply
    headers = {**reply.headers, **entered.headers}
    if isinstance(reply.body, bytes):
        await entered.leave()
        return replace(reply, headers=headers)
    return replace(reply, headers=headers, body=_before_the_end(reply.body, entered))


async def _before_the_end(pieces: AsyncGenerator[bytes], entered: Entered) -> AsyncGenerator[bytes]:
    async with aclosing(pieces):
        async for piece in pieces:
            if piece.endswith(DONE):
                await entered.leave()
            yield piece

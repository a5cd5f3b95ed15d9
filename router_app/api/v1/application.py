"""The ASGI application for `/v1`: it stands in front of Django, in the same process.

A request here has a key and no session, so that none of Django's middleware has anything to do for
it; its 1.7 ms would be most of the time. The gateway, the errors and the amounts are the same.

The order of the checks is a promise: who is asking, and whether too often, comes before the body is
read.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from django.conf import settings

from router_app.api.errors import Unexpected
from router_app.api.v1 import addresses
from router_app.api.v1.addresses import COMPLETIONS
from router_app.api.v1.answering import Asked, answer
from router_app.api.v1.asgi import Headers, Receive, Scope, Send
from router_app.api.v1.counted import leaving
from router_app.api.v1.errors import as_v1
from router_app.api.v1.incoming import caller_of, check_host, check_type, has_body, read_body
from router_app.api.v1.outgoing import Reply, TooSlow, error_reply, write
from router_app.api.v1.reading import read_chat
from router_app.gateway.rates import FREELY, rates

logger = logging.getLogger(__name__)

CLIENT_LEFT = 499  # the status of a reply that nobody waited for


class Exchange:
    """One request and its reply.

    `route` is the pattern of its address, empty where none matched; `status` is that of the reply.
    """

    def __init__(
        self, scope: Scope, headers: Headers, receive: Receive, send: Send, request_id: str
    ) -> None:
        self.route = ""
        self.status = CLIENT_LEFT
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self._headers = headers
        self._unread = has_body(self._headers)
        self._entered = FREELY

    async def run(self) -> None:
        """Answer. Raises CancelledError where the client is too slow."""
        try:
            asked = await self._asked()
        except Exception as exception:
            await self._write(self._failed(exception))
        else:
            answering = self._answer(asked)
            await (self._watched(answering) if asked.streams else answering)
        finally:
            await self._entered.leave()

    async def _asked(self) -> Asked:
        check_host(self._scope, self._headers)
        address = addresses.find(self._scope["path"])
        self.route = address.route
        addresses.check_method(self._scope["method"], address.route)
        caller = await caller_of(self._headers)
        if address.route != COMPLETIONS:
            return Asked(address, caller, self._headers)
        self._entered = await rates.enter(caller)
        check_type(self._headers)
        body = await read_body(self._receive, self._headers, settings.V1_BODY_MAX_BYTES)
        self._unread = False
        return Asked(address, caller, self._headers, body, read_chat(body))

    async def _answer(self, asked: Asked) -> None:
        try:
            reply = await answer(asked)
        except Exception as exception:
            reply = self._failed(exception)
        await self._write(reply)

    async def _watched(self, answering: Coroutine[Any, Any, None]) -> None:
        """Run it until it ends, or the client leaves."""
        working = asyncio.ensure_future(answering)
        leaving = asyncio.ensure_future(self._client_leaves())
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            working.cancel()
            await asyncio.wait({working, leaving})
        if not working.cancelled():
            self._drop_if_slow(working.exception())

    async def _client_leaves(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _failed(self, exception: Exception) -> Reply:
        error = as_v1(exception)
        if isinstance(error, Unexpected) and error is not exception:
            logger.error("request %s failed unexpectedly", self._request_id, exc_info=exception)
        return error_reply(error)

    async def _write(self, reply: Reply) -> None:
        self.status = reply.status
        more = [(b"x-request-id", self._request_id.encode())]
        if self._unread:
            more.append((b"connection", b"close"))
        reply = await leaving(reply, self._entered)
        without_body = self._scope["method"] == "HEAD"
        try:
            await write(reply, self._send, more, without_body=without_body)
        except BaseException:
            reply.abandon()
            raise

    def _drop_if_slow(self, error: BaseException | None) -> None:
        if isinstance(error, TooSlow):
            # How a server is told to drop the connection; any other error it logs as ours.
            raise asyncio.CancelledError from None
        if error is not None:
            raise error

"""The filling: one call at a provider, watched until it ends or somebody stops it.

No transaction is open here and nothing is booked; what came is in the meter, how it ended is
returned. A provider is reached only with an admission: money held for exactly this call.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from django.conf import settings

from router_app.gateway.broadcast import Broadcast
from router_app.gateway.counting import Meter
from router_app.gateway.endings import CallEnd, Stopped
from router_app.gateway.failures import unexpected
from router_app.gateway.requests import Admission, Delta, RunEvent, Thinking, ToolCalls
from router_app.providers.base import (
    CallRequest,
    Endpoint,
    Finished,
    Limits,
    ProviderFailure,
    ReasoningDelta,
    TextDelta,
    ToolCallsDelta,
)
from router_app.providers.base import (
    Delta as ProviderDelta,
)
from router_app.providers.registry import provider_for

logger = logging.getLogger(__name__)


class Stop:
    """Somebody's wish that a run end; set once, from any thread."""

    def __init__(self) -> None:
        self._wish = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.by_server = False

    def bind(self) -> None:
        """The run lives on this event loop from now on."""
        self._loop = asyncio.get_running_loop()

    def ask(self, *, by_server: bool = False) -> None:
        """End it. What was asked first stays."""
        if not self.is_asked:
            self.by_server = by_server
        if self._loop is None:
            self._wish.set()
        else:
            self._loop.call_soon_threadsafe(self._wish.set)

    @property
    def is_asked(self) -> bool:
        """Whether the run should end."""
        return self._wish.is_set()

    async def wait(self) -> None:
        """Return once it is asked."""
        await self._wish.wait()


def call_request(
    admission: Admission, messages: Sequence[Mapping[str, Any]], total_seconds: float
) -> CallRequest:
    """The call that this admission pays for, with the very cap that was reserved."""
    provider = admission.provider
    return CallRequest(
        endpoint=Endpoint(provider.slug, provider.base_url, provider.api_key),
        model=admission.spec.id,
        messages=messages,
        max_output_tokens=admission.cap_tokens,
        limits=Limits(
            connect=settings.CALL_CONNECT_SECONDS,
            first_token=settings.CALL_FIRST_TOKEN_SECONDS,
            between_tokens=settings.CALL_BETWEEN_TOKENS_SECONDS,
            total=total_seconds,
        ),
    )


async def call_until_stopped(
    request: CallRequest,
    meter: Meter,
    events: Broadcast[RunEvent],
    stop: Stop,
    *,
    meanwhile: Callable[[], Awaitable[None]],
    every_seconds: float | None,
) -> CallEnd:
    """Make the call. `meanwhile` is awaited every so many seconds, and once after the end."""
    if stop.is_asked:
        return Stopped(by_server=stop.by_server, was_sent=False)
    call = asyncio.create_task(_call(request, meter, events))
    stopping = asyncio.create_task(stop.wait())
    try:
        while not call.done() and not stop.is_asked:
            await asyncio.wait(
                {call, stopping}, timeout=every_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            await meanwhile()
    finally:
        call.cancel()
        stopping.cancel()
        await asyncio.wait({call, stopping})
    return _end_of(call, stop)


def _end_of(call: asyncio.Task[Finished], stop: Stop) -> CallEnd:
    if call.cancelled():
        return Stopped(by_server=stop.by_server)
    error = call.exception()
    if error is None:
        return call.result()
    if isinstance(error, ProviderFailure):
        return error
    logger.error("a call failed unexpectedly", exc_info=error)
    return unexpected()


async def _call(request: CallRequest, meter: Meter, events: Broadcast[RunEvent]) -> Finished:
    end: Finished | None = None
    async with aclosing(provider_for(request.endpoint).stream(request)) as stream:
        async for event in stream:  # read to its end, so that the connection is kept
            if isinstance(event, Finished):
                end = event
            else:
                _pass_on(event, meter, events)
    if end is None:  # an adapter whose stream just stops breaks its contract
        raise unexpected()
    return end


def _pass_on(event: ProviderDelta, meter: Meter, events: Broadcast[RunEvent]) -> None:
    match event:
        case TextDelta(text):
            meter.saw_text(text)
            events.send(Delta(text))
        case ReasoningDelta(text):
            meter.saw_thinking(text)
            events.send(Thinking(text))
        case ToolCallsDelta(calls):
            meter.saw_tool_calls(calls)
            events.send(ToolCalls(calls))

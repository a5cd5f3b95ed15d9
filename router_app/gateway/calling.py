"""The filling: one call at a provider, watched until it ends or somebody stops it.

No transaction is open here and nothing is booked; what came is in the meter, how it ended is
returned. A provider is reached only with an admission: money held for exactly this call.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from contextlib import aclosing
from functools import lru_cache
from typing import Any, TypeVar

from django.conf import settings
from django.core.signals import setting_changed
from msgspec.structs import replace

from router_app.gateway.broadcast import Broadcast
from router_app.gateway.counting import Meter
from router_app.gateway.endings import CallEnd, Stopped
from router_app.gateway.failures import unexpected
from router_app.gateway.requests import (
    Admission,
    Delta,
    RouteRequest,
    RunEvent,
    Thinking,
    ToolCalls,
)
from router_app.providers.base import (
    CallRequest,
    Endpoint,
    Finished,
    Limits,
    ProviderFailure,
    ReasoningDelta,
    TextDelta,
)
from router_app.providers.base import (
    Delta as ProviderDelta,
)
from router_app.providers.registry import provider_for
from router_app.routing.abilities import effort_for

logger = logging.getLogger(__name__)


T = TypeVar("T")


class Interrupted(Exception):
    """What was waited for was given up, because somebody wants the run to end."""


class Stop:
    """Somebody's wish that a run end; set once, from any thread.

    It interrupts what the run waits for at a provider, and never what it writes down.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self.by_server = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._may_interrupt = False

    def bind(self) -> None:
        """The run lives in this task from now on."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()

    def ask(self, *, by_server: bool = False) -> None:
        """End it. What was asked first stays."""
        if self.is_asked:
            return
        self.is_asked, self.by_server = True, by_server
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._interrupt)

    async def interrupting(self, work: Awaitable[T]) -> T:
        """The result of `work`, in the run's own task. Raises Interrupted when asked to end."""
        self._may_interrupt = True
        try:
            return await work
        except asyncio.CancelledError:
            if not self.is_asked or self._task is None:
                raise
            self._task.uncancel()
            raise Interrupted from None
        finally:
            self._may_interrupt = False

    def _interrupt(self) -> None:
        if self._may_interrupt and self._task is not None:
            self._task.cancel()


def call_request(admission: Admission, request: RouteRequest, total_seconds: float) -> CallRequest:
    """The call that this admission pays for, with the very cap that was reserved."""
    provider = admission.provider
    return CallRequest(
        endpoint=Endpoint(provider.slug, provider.base_url, provider.api_key),
        model=admission.spec.id,
        messages=request.messages,
        max_output_tokens=admission.cap_tokens,
        limits=replace(_limits(), total=total_seconds),
        stream=not request.whole,
        extra=_extra(admission, request),
    )


@lru_cache(maxsize=1)
def _limits() -> Limits:
    """Those of the settings; the total is what the request has left of it."""
    return Limits(
        connect=settings.CALL_CONNECT_SECONDS,
        first_token=settings.CALL_FIRST_TOKEN_SECONDS,
        between_tokens=settings.CALL_BETWEEN_TOKENS_SECONDS,
        whole=settings.CALL_WHOLE_SECONDS,
        total=settings.CALL_TOTAL_SECONDS,
    )


setting_changed.connect(lambda **_: _limits.cache_clear(), weak=False)  # tests change them


def _extra(admission: Admission, request: RouteRequest) -> Mapping[str, Any]:
    """What the caller wants passed on; an effort only to models that know it."""
    effort = effort_for(admission.spec, request.reasoning_effort)
    return request.extra if effort is None else {**request.extra, "reasoning_effort": effort}


async def call_until_stopped(
    request: CallRequest, meter: Meter, events: Broadcast[RunEvent], stop: Stop
) -> CallEnd:
    """Make the call and say how it ended; never raises."""
    if stop.is_asked:
        return Stopped(by_server=stop.by_server, was_sent=False)
    try:
        return await stop.interrupting(_call(request, meter, events))
    except Interrupted:
        return Stopped(by_server=stop.by_server)
    except ProviderFailure as failure:
        return failure
    except Exception:
        logger.exception("a call failed unexpectedly")
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
    if isinstance(event, TextDelta):
        meter.saw_text(event.text)
        events.send(Delta(event.text))
    elif isinstance(event, ReasoningDelta):
        meter.saw_thinking(event.text)
        events.send(Thinking(event.text))
    else:
        meter.saw_tool_calls(event.calls)
        events.send(ToolCalls(event.calls))

"""Make one call and look at all that came of it."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from router_app.providers.base import (
    CallRequest,
    Endpoint,
    Event,
    Finished,
    Limits,
    ProviderFailure,
    ReasoningDelta,
    TextDelta,
    ToolCallsDelta,
)
from router_app.providers.openai_compatible import OpenAICompatible

SHORT = Limits(connect=2.0, first_token=0.4, between_tokens=0.4, whole=0.4, total=5.0)
PATIENT = Limits(connect=10.0, first_token=20.0, between_tokens=20.0, whole=20.0, total=20.0)
MODEL = "openai/gpt-oss-20b"


@dataclass(slots=True)
class Outcome:
    """Everything one call brought."""

    events: list[Event] = field(default_factory=list)
    failure: ProviderFailure | None = None

    @property
    def text(self) -> str:
        return "".join(e.text for e in self.events if isinstance(e, TextDelta))

    @property
    def reasoning(self) -> str:
        return "".join(e.text for e in self.events if isinstance(e, ReasoningDelta))

    @property
    def tool_calls(self) -> list[Any]:
        """What each delta with tool calls held."""
        return [json.loads(e.calls) for e in self.events if isinstance(e, ToolCallsDelta)]

    @property
    def finished(self) -> Finished:
        assert self.failure is None, self.failure
        last = self.events[-1]
        assert isinstance(last, Finished)
        assert not any(isinstance(e, Finished) for e in self.events[:-1])
        return last

    @property
    def failed(self) -> ProviderFailure:
        assert self.failure is not None, self.events
        assert not any(isinstance(e, Finished) for e in self.events)
        return self.failure


def a_request(url: str, *, slug: str = "groq", key: str = "gsk_test", **more: Any) -> CallRequest:
    """A small request with limits that a good server never meets."""
    known = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Say hello"}],
        "max_output_tokens": 64,
        "limits": PATIENT,
    }
    return CallRequest(endpoint=Endpoint(slug, url, key), **{**known, **more})


async def drain(provider: Any, request: CallRequest) -> Outcome:
    """Run the call to its end."""
    outcome = Outcome()
    try:
        async with aclosing(provider.stream(request)) as events:
            async for event in events:
                outcome.events.append(event)
    except ProviderFailure as failure:
        outcome.failure = failure
    return outcome


def call(request: CallRequest) -> Outcome:
    """One call over the real transport, in a loop of its own, which must end up with no task."""

    async def run() -> Outcome:
        provider = OpenAICompatible()
        outcome = await drain(provider, request)
        await provider.aclose()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return outcome

    return asyncio.run(run())

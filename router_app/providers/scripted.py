"""A provider that follows a script: for tests, and for commands that prove something.

Enqueue what each call is to do, per model or for any; the last resort is `default`. It records the
calls it got and, as a real provider would, its own bill. Calls may come from several threads and
event loops at once.
"""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from router_app.providers.base import (
    Billing,
    CallRequest,
    Event,
    FailureKind,
    Finished,
    ProviderFailure,
    ReasoningDelta,
    TextDelta,
    ToolCallsDelta,
    Usage,
)


class Waitable(Protocol):
    """A gate: `Gate` below, or an asyncio.Event where all is in one loop."""

    async def wait(self) -> object:
        """Return once it is open."""
        ...


@dataclass(frozen=True, slots=True)
class Pause:
    """A step that takes so many seconds."""

    seconds: float


Step = Event | ProviderFailure | Pause | Waitable
Script = Sequence[Step]

HELLO: Script = (TextDelta("Hello."), Finished("stop", Usage(10, 2)))


@dataclass(frozen=True, slots=True)
class Billed:
    """A line of the provider's bill."""

    model: str
    input_tokens: int
    output_tokens: int


class Gate:
    """Closed until `open()`; waited for in any thread and any loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = False
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def open(self) -> None:
        """Let all through, now and later."""
        with self._lock:
            self._open, waiting, self._waiting = True, self._waiting, []
        for loop, future in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_let_through, future)

    async def wait(self) -> None:
        """Return once it is open."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._open:
                return
            future = loop.create_future()
            self._waiting.append((loop, future))
        await future


class ScriptedProvider:
    """A Provider. `gate` holds every answer back until it opens."""

    def __init__(self, default: Script = HELLO, *, gate: Waitable | None = None) -> None:
        self.default = default
        self.gate = gate
        self.calls: list[CallRequest] = []
        self.bill: list[Billed] = []
        self._lock = threading.Lock()
        self._queues: dict[str | None, deque[Script]] = defaultdict(deque)
        self._milestones: dict[int, Gate] = {}

    def enqueue(self, *steps: Step, model: str | None = None) -> None:
        """One more call's script; for `model` alone, or for whichever comes next."""
        with self._lock:
            self._queues[model].append(steps)

    async def arrived(self, count: int) -> None:
        """Return once `count` calls have come in."""
        with self._lock:
            gate = self._milestones.setdefault(count, Gate())
            if len(self.calls) >= count:
                gate.open()
        await gate.wait()

    async def stream(self, request: CallRequest) -> AsyncGenerator[Event]:
        """Follow the next script for this model; one without `Finished` is a broken stream."""
        script = self._begin(request)
        if self.gate:
            await self.gate.wait()
        meter = _Meter(request)
        try:
            for step in script:
                event = await _perform(step)
                if event is not None:
                    meter.saw(event)
                    yield event
            meter.ended()
        except ProviderFailure as failure:
            meter.failed(failure)
            raise
        finally:
            self._charge(meter.line())

    async def aclose(self) -> None:
        """Nothing is held."""

    def _begin(self, request: CallRequest) -> Script:
        with self._lock:
            self.calls.append(request)
            if gate := self._milestones.get(len(self.calls)):
                gate.open()
            queue = self._queues[request.model] or self._queues[None]
            return queue.popleft() if queue else self.default

    def _charge(self, line: Billed | None) -> None:
        if line:
            with self._lock:
                self.bill.append(line)


class _Meter:
    """What one call would cost at a provider that bills all it did: each delta is a token."""

    def __init__(self, request: CallRequest) -> None:
        self._request = request
        self._usage: Usage | None = None
        self._deltas = 0
        self._is_free = False
        self._finished = False

    def saw(self, event: Event) -> None:
        """An event is about to be handed out."""
        if isinstance(event, Finished):
            self._usage, self._finished = event.usage, True
        else:
            self._deltas += 1

    def ended(self) -> None:
        """The script is over. Raises ProviderFailure if it had no end."""
        if not self._finished:
            raise ProviderFailure(
                FailureKind.BROKEN_STREAM,
                "the stream ended without an end",
                billing=Billing.UNKNOWN,
            )

    def failed(self, failure: ProviderFailure) -> None:
        """The script said so."""
        self._usage = failure.usage
        self._is_free = failure.billing is Billing.NOT_BILLED

    def line(self) -> Billed | None:
        """The line on the bill, or None where nothing is owed."""
        model = self._request.model
        if self._usage:
            return Billed(model, self._usage.input_tokens, self._usage.output_tokens)
        if self._is_free:
            return None
        read = sum(len(str(message.get("content", ""))) for message in self._request.messages)
        return Billed(model, max(1, read // 4), self._deltas)


async def _perform(step: Step) -> Event | None:
    if isinstance(step, ProviderFailure):
        raise step.with_traceback(None)
    if isinstance(step, Pause):
        await asyncio.sleep(step.seconds)
        return None
    if isinstance(step, TextDelta | ReasoningDelta | ToolCallsDelta | Finished):
        return step
    await step.wait()
    return None


def _let_through(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)

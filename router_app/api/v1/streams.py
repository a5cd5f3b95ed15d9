"""A run as a stream of chunks, from its first event to `[DONE]` or an error.

The response begins when there is something to say: until then a failure is a status code. After
ten seconds of silence it begins all the same, so that no proxy in between gives up.
"""

import logging
from collections.abc import AsyncGenerator, Sequence

from router_app.api.errors import Unexpected
from router_app.api.v1.chunks import WAITING, Chunks, error_event
from router_app.api.v1.errors import as_v1
from router_app.api.v1.receipts import UNFINISHED, router_of, usage_of
from router_app.gateway.execution import Run
from router_app.gateway.requests import Answer, RunEvent, Switched
from router_app.gateway.service import answer_of

logger = logging.getLogger(__name__)

QUIET_SECONDS = 10.0  # between two signs of life


class Following:
    """A run's events as they come, those that wait together at once."""

    def __init__(self, run: Run) -> None:
        self._events = run.events_together(QUIET_SECONDS)

    async def more(self) -> Sequence[RunEvent] | None:
        """What came since; nothing after `QUIET_SECONDS` of silence; None at the end."""
        return await anext(self._events, None)

    async def first(self) -> Sequence[RunEvent] | None:
        """The same, but passing over attempts that failed before they said anything."""
        while (events := await self.more()) is not None:
            if not events or not all(isinstance(event, Switched) for event in events):
                break
        return events


async def pieces_of(
    run: Run, following: Following, begun: Sequence[RunEvent] | None, chunks: Chunks
) -> AsyncGenerator[bytes]:
    """The stream. `begun` is what has come already. Never raises: a failure is its last event."""
    try:
        events = begun
        while events is not None:
            chunks.speak_as(run.admission.spec.id)
            for piece in chunks.pieces(events) if events else (WAITING,):
                yield piece
            events = await following.more()
        chunks.speak_as(run.admission.spec.id)
        yield _end(await answer_of(run), chunks)
    except Exception as exception:
        error = as_v1(exception)
        if isinstance(error, Unexpected):
            logger.error("a stream failed unexpectedly", exc_info=exception)
        yield error_event(error)


def _end(answer: Answer, chunks: Chunks) -> bytes:
    usage = usage_of(answer.usage, answer.total_cost_nanos)
    return chunks.last(answer.finish_reason or UNFINISHED, router_of(answer), usage)

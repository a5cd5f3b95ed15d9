"""A run: one admitted request on its way to an answer, attempt by attempt.

Each attempt is bread, filling, bread: note that it is sent, make the call with no transaction open,
close it. After a failure with no text yet the same model is asked again, then the next candidate,
each with a reservation of its own; after the first text never.

A run belongs to the process, not to the request that asked: a closed tab or a reload does not end
it. Who wants to watch follows its events from the beginning, from any event loop.
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from django.conf import settings

from router_app.analytics import metrics
from router_app.catalog.availability import mark_unavailable
from router_app.errors import Charged, RouterError, Unavailable
from router_app.gateway.asked import Asked, Attempt, Sizes
from router_app.gateway.booking import admitting, closing
from router_app.gateway.broadcast import Broadcast
from router_app.gateway.calling import Interrupted, Stop, call_request, call_until_stopped
from router_app.gateway.closing import give_up, note_progress
from router_app.gateway.cooling import cooling
from router_app.gateway.counting import Meter
from router_app.gateway.ended import Closed, Closure, Ending
from router_app.gateway.endings import CallEnd, ending_of
from router_app.gateway.failures import cut_off, error_of, words_of
from router_app.gateway.requests import (
    Admission,
    Answer,
    Outcome,
    RouteRequest,
    RunEvent,
    Switched,
)
from router_app.gateway.writer import writer
from router_app.providers import retries
from router_app.providers.base import FailureKind, Finished, ProviderFailure, Usage

T = TypeVar("T")
logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 6  # of one request, over all candidates
PROGRESS_SECONDS = 0.5  # how often the text so far is kept, and a wish to stop is looked for
BOOKING_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)  # within the lease's margin; then the clock books
LEAST_SECONDS = 1.0  # with less left of the request's time no further attempt is begun


class Run:
    """One request under way. Made by `service.start`; the engine runs `execute` once."""

    def __init__(
        self,
        request: RouteRequest,
        sizes: Sizes,
        admission: Admission,
        message_id: uuid.UUID | None = None,
    ) -> None:
        self.request = request
        self.admission = admission
        self.message_id = message_id
        self._sizes = sizes
        self._events: Broadcast[RunEvent] = Broadcast()
        self._stop = Stop()
        self._deadline = 0.0
        self._answer: Answer | None = None
        self._error: RouterError | None = None
        self._excluded: dict[str, str] = {}
        self._retries = 0

    @property
    def decision_id(self) -> uuid.UUID:
        """The request's public id."""
        return self.admission.decision_id

    def events(self) -> AsyncIterator[RunEvent]:
        """Everything that happened and will happen, from the beginning to the end."""
        return self._events.follow()

    def events_together(self, quiet_seconds: float) -> AsyncIterator[Sequence[RunEvent]]:
        """The same, with all that came since the last time in one piece.

        After so many seconds in which nothing came, that is told: by an empty piece.
        """
        return self._events.follow_together(quiet_seconds)

    async def ended(self) -> None:
        """Return once there will be no more events."""
        await self._events.ended()

    async def finished(self) -> Answer:
        """The answer, whole or not, once it is booked. Raises RouterError where nothing came."""
        await self._events.ended()
        if self._answer is None:
            raise self._error or Unavailable("This request was ended by the server.")
        return self._answer

    def stop(self, *, by_server: bool = False) -> None:
        """End the answer here; it is charged for what ran. From any thread."""
        self._stop.ask(by_server=by_server)

    async def execute(self) -> None:
        """Walk the attempts to the end. Never raises; what went wrong is for `finished`."""
        self._stop.bind()
        clock = asyncio.get_running_loop().time
        begun = clock()
        self._deadline = begun + settings.CALL_TOTAL_SECONDS
        try:
            await self._walk()
        except RouterError as error:
            self._error = error
        except Exception:
            logger.exception("a run failed")
        finally:
            metrics.request_ended(self.request.face.value, self._outcome(), clock() - begun)
            self._events.close()

    def _outcome(self) -> str:
        if self._answer is not None:
            return self._answer.outcome.value
        was_stopped = self._stop.is_asked and not self._stop.by_server
        return Outcome.STOPPED.value if was_stopped else Outcome.FAILED.value

    async def _walk(self) -> None:
        while (failure := await self._attempt()) is not None:
            following = await self._following(failure)
            if following is None:
                break
            outcome = await self._admit(following)
            if isinstance(outcome, RouterError):
                break
            self._events.send(Switched(outcome.spec.name, words_of(self.admission, failure)))
            self.admission = outcome
        if failure is not None:
            await self._give_up(failure)

    async def _admit(self, attempt: Attempt) -> Admission | RouterError:
        try:
            asked = Asked(self.request, self._sizes, attempt)
            outcome, _ = await writer.run(admitting(asked))
        except Unavailable as error:
            return error  # the attempts before are to be told of all the same
        return outcome

    async def _attempt(self) -> ProviderFailure | None:
        """One call, from its sending to its closing; returns the failure where another attempt may
        follow."""
        admission, meter = self.admission, Meter(self.admission)
        if datetime.now(UTC) >= admission.lease_ends_at:
            self.stop(by_server=True)  # too late to be sent, and so it costs nothing
        cooling.started(admission.provider.slug, admission.spec.id)
        request = call_request(admission, self.request, self._seconds_left())
        calling = call_until_stopped(request, meter, self._events, self._stop)
        if self.message_id is not None:
            calling = self._keeping_progress(self.message_id, meter, calling)
        end = await calling
        ending = ending_of(
            end,
            meter,
            first_token_at=meter.first_token_at,
            message_id=self.message_id,
            shows_thinking=self.request.shows_thinking,
        )
        closed = await _surely(closing(Closure(admission, ending)))
        self._tell(end, ending, closed)
        if ending.failure and ending.failure.kind == FailureKind.MODEL_GONE:
            reason, now = ending.failure.detail, datetime.now(UTC)
            await _surely(lambda: mark_unavailable(admission.spec.pk, reason, now=now))
        if not ending.last:
            return ending.failure
        self._answer = self._answer_of(ending, closed, meter)
        return None

    async def _keeping_progress(
        self, message_id: uuid.UUID, meter: Meter, calling: Awaitable[CallEnd]
    ) -> CallEnd:
        """The same call; the text so far is kept now and then, where it may be read meanwhile."""
        keeping = asyncio.create_task(self._keep_progress(message_id, meter))
        try:
            return await calling
        finally:
            keeping.cancel()
            await asyncio.wait({keeping})

    async def _keep_progress(self, message_id: uuid.UUID, meter: Meter) -> None:
        decision_id = self.decision_id
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            text = meter.text
            try:
                note = partial(note_progress, decision_id, message_id, text)
                stopping = await writer.run(note)
            except Unavailable:
                continue  # the text is kept a little later; the call goes on
            if stopping:
                self._stop.ask()

    async def _following(self, failure: ProviderFailure) -> Attempt | None:
        """The attempt to make after this failure, if one makes sense."""
        spec, number = self.admission.spec, self.admission.attempt
        if number >= MAX_ATTEMPTS or self._stop.is_asked:
            return None
        delay = retries.delay_seconds(self._retries, failure.retry_after_seconds)
        only = None
        if retries.should_retry(failure, self._retries, False) and delay < self._seconds_left():
            self._retries += 1
            only = spec.id
            metrics.retried(spec.id)
            await self._pause(delay)
        elif self.request.model is None:
            self._retries = 0
            metrics.fell_back(spec.id)
            self._excluded[spec.id] = f"failed just now: {failure.detail}"
        else:
            return None  # the caller named this model and no other
        if self._seconds_left() < LEAST_SECONDS or self._stop.is_asked:
            return None
        return Attempt(
            number + 1, self.decision_id, dict(self._excluded), only, self._seconds_left()
        )

    async def _pause(self, seconds: float) -> None:
        with suppress(Interrupted):
            await self._stop.interrupting(asyncio.sleep(seconds))

    async def _give_up(self, failure: ProviderFailure) -> None:
        error = error_of(failure)
        decision_id, message_id = self.decision_id, self.message_id
        shown: dict[str, object] = {"code": error.code, "message": error.message}
        stopped = self._stop.is_asked and not self._stop.by_server
        cost = await _surely(
            lambda: give_up(decision_id, message_id=message_id, error=shown, stopped=stopped)
        )
        error.charged = Charged(str(decision_id), cost)
        self._error = error

    def _tell(self, end: CallEnd, ending: Ending, closed: Closed) -> None:
        """Tell cooling and the metrics how the call ended."""
        slug, model = self.admission.provider.slug, self.admission.spec.id
        if isinstance(end, Finished):
            cooling.succeeded(slug, model)
        elif isinstance(end, ProviderFailure):
            cooling.failed(slug, model, end)
        else:
            cooling.abandoned(slug, model)
        sent_at, first = self.admission.admitted_at, ending.first_token_at
        usage = ending.usage or Usage(0, 0)
        metrics.call_ended(
            model,
            slug,
            ending.outcome.value,
            ending.failure.kind.value if ending.failure else "",
            (closed.closed_at - sent_at).total_seconds(),
            (first - sent_at).total_seconds() if first and not self.request.whole else None,
            usage.input_tokens,
            usage.output_tokens,
            closed.cost_nanos,
        )

    def _seconds_left(self) -> float:
        return self._deadline - asyncio.get_running_loop().time()

    def _answer_of(self, ending: Ending, closed: Closed, meter: Meter) -> Answer:
        admission = self.admission
        chosen = admission.decision.chosen
        return Answer(
            decision_id=admission.decision_id,
            call_id=admission.call_id,
            outcome=Outcome(ending.outcome.value),
            text=ending.text,
            model=admission.spec.id,
            model_name=admission.spec.name,
            provider=admission.provider.slug,
            stand_in=admission.provider.stand_in,
            finish_reason=ending.finish_reason,
            usage=ending.usage or Usage(0, 0),
            estimated_nanos=chosen.estimate.estimated_cost_nanos
            if chosen and chosen.estimate
            else 0,
            reserved_nanos=admission.reserved_nanos,
            cost_nanos=closed.cost_nanos,
            total_cost_nanos=closed.total_cost_nanos,
            attempts=admission.attempt,
            decision=admission.decision,
            closed_at=closed.closed_at,
            budgets=closed.budgets,
            error=cut_off(ending),
            reasoning=meter.thinking,
            tool_calls=meter.tool_calls,
        )


async def _surely(operation: Callable[[], T]) -> T:
    """Write it down, though the database is away for a while.

    A settle that is lost charges the full amount; an end that is lost leaves somebody waiting.
    """
    for pause in BOOKING_PAUSES:
        try:
            return await writer.run(operation)
        except Unavailable:
            await asyncio.sleep(pause)
    return await writer.run(operation)

"""What happens to a prompt: the one door to every provider.

    start      decide → reserve → (in the background) send → settle → record
    answer     the same, and wait for the end
    preview    decide only: the price and the reasons, nothing held, nothing sent
    stop       end an answer early; charged for what ran

Pages, the JSON face and commands call these and nothing below them.
"""

import asyncio
import uuid
from dataclasses import dataclass
from functools import partial

from django.utils import timezone

from router_app.analytics import metrics
from router_app.budgets.statements import Statement, statements_for
from router_app.catalog.snapshot import Snapshot, current_snapshot
from router_app.errors import BudgetExceeded, Charged, RouterError, Unavailable
from router_app.gateway import admission, engine
from router_app.gateway.access import access
from router_app.gateway.asked import Asked, Outcome, Recorder, Sizes
from router_app.gateway.booking import admitting
from router_app.gateway.execution import Run
from router_app.gateway.jobs import too_slow
from router_app.gateway.requests import Admission, Answer, RouteRequest
from router_app.gateway.writer import PATIENCE_SECONDS, writer
from router_app.models import RoutingDecision
from router_app.routing.decision import Decision
from router_app.routing.specs import ModelSpec


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be done, and what is left to do it with."""

    decision: Decision
    spec: ModelSpec
    stand_in: bool
    budgets: tuple[Statement, ...]


async def start(
    request: RouteRequest, *, record: Recorder | None = None, ends_with_client: bool = False
) -> Run:
    """Decide and reserve, then call in the background. Raises RouterError where that is refused.

    `record` runs in the same transaction as the reservation, also for a refusal; what it raises
    undoes all and is raised here. Where nobody waits any more when its turn comes, because that
    took too long or the client has left, nothing is held, recorded or sent. Who leaves while the
    money is being held finds the answer later, unless the run `ends_with_client`.
    """
    _check_is_open()
    sizes = Sizes.of(request)
    loop = asyncio.get_running_loop()
    started: asyncio.Future[Run] = loop.create_future()
    asked = Asked(request, sizes, record=record)
    admitted = writer.run(admitting(asked), wanted=lambda: not started.done())
    # Not awaited here: where the client leaves now, the money is held all the same, and only a
    # run can give it back.
    admitted.add_done_callback(partial(_launch, asked, started, ends_with_client))
    patience = loop.call_later(PATIENCE_SECONDS, _lose_patience, started)
    try:
        return await started
    except asyncio.CancelledError:
        if ends_with_client and not started.cancelled() and not started.exception():
            started.result().stop()  # handed over in the very moment in which the client left
        raise
    finally:
        patience.cancel()


async def answer(request: RouteRequest) -> Answer:
    """The whole answer. Raises RouterError where there is none, or where the stream broke."""
    return await answer_of(await start(request))


async def answer_of(run: Run) -> Answer:
    """A run's whole answer. Raises RouterError where there is none, or where it was cut off."""
    found = await run.finished()
    if found.error is not None:
        found.error.charged = Charged(str(found.decision_id), found.total_cost_nanos)
        raise found.error
    return found


async def preview(request: RouteRequest) -> Preview:
    """The decision as it would be made now. Raises the error a real request would get."""
    _check_is_open()
    sizes = Sizes.of(request)
    shown = await writer.soon(lambda: _preview(request, sizes))
    if isinstance(shown, RouterError):
        raise shown
    return shown


async def stop(decision_id: uuid.UUID, *, user_id: int) -> bool:
    """Ask a run of this person to end; False where there is none under way."""
    found = await writer.run(lambda: _request_stop(decision_id, user_id))
    run = engine.find(decision_id)
    if found and run is not None:
        run.stop()
    return found


def find_run(decision_id: uuid.UUID) -> Run | None:
    """The run of this decision, while it is under way in this process."""
    return engine.find(decision_id)


def catalog() -> Snapshot:
    """The catalogue in force: specs, providers in use, policy. Reads the database."""
    return current_snapshot(timezone.now())


def demo_active() -> bool:
    """Whether a stand-in writes the answers. Reads the database."""
    return any(provider.stand_in for provider in catalog().providers.values())


def _check_is_open() -> None:
    if engine.is_closing():
        raise Unavailable("The server is shutting down. Try again in a few seconds.")


def _lose_patience(started: asyncio.Future[Run]) -> None:
    if not started.done():
        started.set_exception(too_slow())


def _launch(
    asked: Asked,
    started: asyncio.Future[Run],
    ends_with_client: bool,
    admitted: asyncio.Future[Outcome],
) -> None:
    """The admission is committed: begin the run, and hand it to whoever still waits for it."""
    error = admitted.exception()
    outcome, message_id = (error, None) if error else admitted.result()
    if isinstance(outcome, Admission):
        run = Run(asked.request, asked.sizes, outcome, message_id)
        if started.cancelled():
            if ends_with_client:
                run.stop()  # left while it was being committed: it is never sent
        elif started.done():
            run.stop(by_server=True)  # refused while it was being committed: it is never sent
        engine.launch(run)
        if not started.done():
            started.set_result(run)
        return
    if isinstance(outcome, RouterError):
        budget = outcome.refusal.budget if isinstance(outcome, BudgetExceeded) else ""
        metrics.request_refused(asked.request.face.value, outcome.code, budget)
    if not started.done():
        started.set_exception(outcome)


def _preview(request: RouteRequest, sizes: Sizes) -> Preview | RouterError:
    try:
        decision, snapshot = admission.preview(request, sizes)
    except RouterError as error:
        return error  # raised here it would undo all that is committed with it
    spec = snapshot.spec(decision.chosen.id) if decision.chosen else None
    assert spec is not None  # noqa: S101
    now = timezone.now()
    budgets = tuple(statements_for(access.budgets_of(request), now=now))
    return Preview(decision, spec, snapshot.providers[spec.provider].stand_in, budgets)


def _request_stop(decision_id: uuid.UUID, user_id: int) -> bool:
    running = RoutingDecision.objects.filter(
        pk=decision_id, user_id=user_id, outcome=RoutingDecision.Outcome.RUNNING
    )
    return running.update(stop_requested_at=timezone.now()) == 1

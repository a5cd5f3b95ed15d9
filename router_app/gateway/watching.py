"""How this installation is doing, for whoever watches it: `/ready` and `/metrics`.

Looking must never do harm. Each look runs in a thread of its own, one at a time, is waited for only
so long, and is good for a second however often it is asked for.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import connection, connections
from django.utils import timezone

from router_app.analytics import mirror
from router_app.analytics.metrics.stored import Holds, holds
from router_app.catalog.snapshot import Snapshot, current_snapshot
from router_app.gateway.cooling import cooling
from router_app.gateway.writer import writer
from router_app.routing.specs import ModelStatus

logger = logging.getLogger(__name__)
T = TypeVar("T")

LOOK_SECONDS = 2.0  # how long anybody waits; a load balancer's patience is hardly longer
FRESH_SECONDS = 1.0

WAITING = "budget_router_writer_waiting"
SERVING = (ModelStatus.ACTIVE, ModelStatus.PREVIEW)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database says."""

    lag: mirror.Lag
    holds: Holds
    models_without_price: int  # that could be routed to if they had one
    models_cooled: dict[str, bool]  # by id; as this process knows it


class Watch(Generic[T]):
    """Looks when asked to. `look` runs in a thread; what it raises means that there is nothing."""

    def __init__(self, name: str, look: Callable[[], T]) -> None:
        self.patience_seconds = LOOK_SECONDS
        self._name = name
        self._look = look
        self._lock = threading.Lock()
        self._seen: Future[T | None] | None = None
        self._began = self._ended = 0.0
        self._was_well = True

    async def seen(self) -> T | None:
        """What there is to see; None if looking failed, or has taken too long by now."""
        future, began = self._latest()
        if future.done():
            return future.result()
        left = began + self.patience_seconds - time.monotonic()
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), left)
        except TimeoutError:
            return None

    def forget(self) -> None:
        """Look anew when asked next (tests)."""
        with self._lock:
            self._seen = None

    def _latest(self) -> tuple[Future[T | None], float]:
        with self._lock:
            seen, now = self._seen, time.monotonic()
            if seen is None or (seen.done() and now - self._ended > FRESH_SECONDS):
                seen = self._seen = Future()
                self._began = now
                threading.Thread(
                    target=self._run, args=(seen,), name=self._name, daemon=True
                ).start()
            return seen, self._began

    def _run(self, future: Future[T | None]) -> None:
        found: T | None = None
        error: Exception | None = None
        try:
            found = self._look()
        except Exception as failure:
            error = failure
        connections.close_all()
        self._tell(error)
        self._ended = time.monotonic()
        future.set_result(found)

    def _tell(self, error: Exception | None) -> None:
        """Once when it begins to fail, and once when it is over."""
        was_well, self._was_well = self._was_well, error is None
        if was_well and error is not None:
            logger.warning("the %s does not answer: %s", self._name, type(error).__name__)
        elif not was_well and error is None:
            logger.warning("the %s answers again", self._name)


def gauges() -> dict[str, float]:
    """What this process alone knows of itself; the sum over processes means something."""
    return {WAITING: float(writer.waiting)}


def _look_into_database() -> Stored:
    catalog = current_snapshot(timezone.now())
    return Stored(
        lag=mirror.lag(),
        holds=holds(),
        models_without_price=_without_price(catalog),
        models_cooled={
            spec.id: cooling.cooled(spec.provider, spec.id) is not None for spec in catalog.specs
        },
    )


def _without_price(catalog: Snapshot) -> int:
    return sum(spec.rates is None and spec.status in SERVING for spec in catalog.specs)


def _go_through_the_line() -> bool:
    """Fails where the writer's line is full or stuck, its connection dead or its lock taken."""
    return writer.run_sync(_ask)


def _ask() -> bool:
    with connection.cursor() as cursor:  # an empty transaction is never sent
        cursor.execute("SELECT 1")
    return True


database: Watch[Stored] = Watch("database", _look_into_database)
writing: Watch[bool] = Watch("writer", _go_through_the_line)

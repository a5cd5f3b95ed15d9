"""One thread per process through which every write of the gateway goes.

Operations that wait are taken together and committed together (group commit). Those of one kind
(`Together`) are even done together: one call of their function with all of their items, so that a
batch costs one statement per table. Results are handed out only after the commit: whoever sees a
reservation can rely on it being on disk.

An operation is a plain function that touches nothing but the database. Where anything in a batch
fails, all of it is undone and each operation is done alone, so that one that fails does not harm
its neighbours; so it may be run a second time. That holds also where the connection breaks in the
very moment of the commit: the first time may be on disk, and the second has to notice.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)

from router_app.analytics import metrics
from router_app.errors import Unavailable
from router_app.gateway.standing_aside import standing_aside
from router_app.models.postgresql import send_waiting, together

logger = logging.getLogger(__name__)
T = TypeVar("T")
Item = TypeVar("Item")

MAX_WAITING = 4_096  # operations in line; more is an overload that a caller should hear about
MAX_BATCH = 64
# While several come at a time the next batch waits so long for more: most of what a batch costs it
# costs once, and meanwhile the interpreter belongs to those who make work for it. On PostgreSQL
# every statement is a way there and back, however many rows it has.
GATHER_SECONDS = 0.0002
GATHER_SECONDS_AFAR = 0.002
TRIES = 4
PAUSE_SECONDS = 0.05  # before an operation is tried again, times the number of tries
PATIENCE_SECONDS = 10.0  # of whoever can be told to try again later
SLOW_SECONDS = 1.0  # after which a batch looks once more whether all of it is wanted

# It may be better soon: away, locked, a deadlock, a stand-by that does not write yet.
PASSING = (OperationalError, InterfaceError, InternalError)


@dataclass(frozen=True, slots=True)
class Together(Generic[Item, T]):
    """An operation that is done with others of its kind: `function(items)` returns their results.

    What it raises for several items is no answer yet: each is then done alone.
    """

    function: Callable[[Sequence[Item]], Sequence[T]]
    item: Item

    def __call__(self) -> T:
        return self.function([self.item])[0]


Operation = Callable[[], T]
Wanted = Callable[[], bool]  # asked on the writer's thread


class _Job:
    """An operation and where its result goes: a future of an event loop, or one of a thread."""

    __slots__ = ("future", "loop", "operation", "wanted")

    def __init__(self, operation: Operation[Any], wanted: Wanted | None = None) -> None:
        self.operation = operation
        self.wanted = wanted
        self.loop: asyncio.AbstractEventLoop | None = None
        self.future: Any = None

    def came_too_late(self) -> bool:
        """Whether nobody wants it done any more."""
        return self.wanted is not None and not self.wanted()

    def must_be_known(self) -> None:
        """It is about to be committed. If the connection breaks now nobody is told whether it was,
        so it is done again, wanted or not: that finds it out."""
        self.wanted = None


_Line = queue.SimpleQueue[_Job | None]  # None: the end of the line
_Result = tuple[_Job, Any, Exception | None]


class Writer:
    """The thread, its queue, and nothing else. Starts itself with the first operation."""

    def __init__(self) -> None:
        self._line: _Line = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def submit(self, operation: Operation[T]) -> Future[T]:
        """Put an operation in line. Raises Unavailable when the line is full."""
        job = _Job(operation)
        job.future = Future()
        self._put(job)
        return job.future  # type: ignore[no-any-return]

    def run(self, operation: Operation[T], *, wanted: Wanted | None = None) -> asyncio.Future[T]:
        """Put an operation in line; await its commit. Cancelling the wait does not undo it.

        Where it is not `wanted` any more when its turn comes, nothing is done, and the result is
        Unavailable.
        """
        job = _Job(operation, wanted)
        job.loop = asyncio.get_running_loop()
        job.future = job.loop.create_future()
        self._put(job)
        return job.future  # type: ignore[no-any-return]

    async def soon(self, operation: Operation[T]) -> T:
        """The same for what may as well be asked again: Unavailable where it takes too long.

        What had not begun by then never does.
        """
        waiting = True
        done = self.run(operation, wanted=lambda: waiting)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await done
        except TimeoutError:
            raise too_slow() from None
        finally:
            waiting = False

    def run_sync(self, operation: Operation[T]) -> T:
        """The same for code without an event loop."""
        return self.submit(operation).result()

    def stop(self) -> None:
        """Finish what is in line and end the thread; a later operation starts it again."""
        with self._lock:
            # What comes from here on waits in a line of its own, for a thread of its own.
            thread, line = self._thread, self._line
            self._thread, self._line = None, queue.SimpleQueue()
        if thread is not None:
            line.put(None)
            thread.join()

    @property
    def waiting(self) -> int:
        """How many operations are in line."""
        return self._line.qsize()

    def _put(self, job: _Job) -> None:
        with self._lock:
            # The last quarter is for what cannot be refused: closing what was sent.
            most = MAX_WAITING if job.wanted is None else MAX_WAITING * 3 // 4
            if self._line.qsize() >= most:
                raise Unavailable("The service is overloaded. Try again in a few seconds.")
            if self._thread is None:
                self._start()
            self._line.put(job)

    def _start(self) -> None:
        line = self._line
        self._thread = threading.Thread(target=_work, args=(line,), name="writer", daemon=True)
        self._thread.start()


def too_slow() -> Unavailable:
    """What somebody is told whose turn, or whose commit, does not come in time."""
    return Unavailable("The database does not answer in time. Try again in a few seconds.")


def _work(line: _Line) -> None:
    running, crowded = True, False
    gather_seconds = GATHER_SECONDS if connection.vendor == "sqlite" else GATHER_SECONDS_AFAR
    while running:
        batch = [line.get()]
        if crowded:
            time.sleep(gather_seconds)
        while len(batch) < MAX_BATCH and not line.empty():
            batch.append(line.get_nowait())
        running, crowded = None not in batch, len(batch) > 1
        jobs = [job for job in batch if job is not None]
        if jobs:
            metrics.batch_committed(len(jobs), line.qsize())
            _hand_out(_commit_together(jobs))
    connection.close()


def _commit_together(jobs: list[_Job]) -> list[_Result]:
    try:
        with transaction.atomic(), _quickly(jobs):
            return _done_together(jobs)
    except PASSING:
        connection.close()
    except Exception as error:
        if len(jobs) == 1 and not isinstance(error, DatabaseError):
            return [(jobs[0], None, error)]
    return _commit_each(jobs)


def _quickly(jobs: Sequence[_Job]) -> AbstractContextManager[None]:
    """How a batch's statements take less time: on PostgreSQL with fewer ways there and back, on
    SQLite undisturbed by the loop, which is likely to be busy where there are several jobs."""
    if connection.vendor == "postgresql":
        return together(connection)
    loop = jobs[0].loop
    return standing_aside(loop) if loop is not None and len(jobs) > 1 else nullcontext()


def _done_together(jobs: Iterable[_Job]) -> list[_Result]:
    """Each job with its value: single operations first, then each kind with all of its items.

    Inside the transaction, whose beginning may have waited for somebody else's.
    """
    begun = time.monotonic()
    results: list[_Result] = []
    kinds: dict[Any, list[_Job]] = {}
    for job in jobs:
        if job.came_too_late():
            results.append((job, None, too_slow()))
        elif isinstance(job.operation, Together):
            kinds.setdefault(job.operation.function, []).append(job)
        else:
            results.append((job, job.operation(), None))
    for function, of_kind in kinds.items():
        values = function([job.operation.item for job in of_kind])  # type: ignore[attr-defined]
        results += [(job, value, None) for job, value in zip(of_kind, values, strict=True)]
    send_waiting(connection)  # what may take long comes before the last look
    done = [job for job, _, error in results if error is None]
    if time.monotonic() - begun > SLOW_SECONDS and any(job.came_too_late() for job in done):
        raise too_slow()  # without those that are not wanted any more, each by itself
    for job in done:
        job.must_be_known()
    return results


def _commit_each(jobs: list[_Job]) -> list[_Result]:
    """Each in a transaction of its own. While the database is away one of them waits for it."""
    results, tries = [], TRIES
    for job in jobs:
        value, error = _commit_alone(job, tries)
        if isinstance(error, Unavailable):
            tries = 1
        results.append((job, value, error))
    return results


def _commit_alone(job: _Job, tries: int) -> tuple[Any, Exception | None]:
    for attempt in range(1, tries + 1):
        if job.came_too_late():
            return None, too_slow()
        try:
            with transaction.atomic():
                if job.came_too_late():  # while it waited for a lock
                    return None, too_slow()
                value = job.operation()
                if job.came_too_late():
                    raise too_slow()
                job.must_be_known()
        except PASSING as error:
            connection.close()
            if attempt < tries:
                time.sleep(PAUSE_SECONDS * attempt)
                continue
            logger.error("a write failed %d times: %s", tries, type(error).__name__)
            return None, Unavailable("The database is away. Try again soon.")
        except Exception as error:
            if isinstance(error, DatabaseError):
                connection.close()
            return None, error
        return value, None
    raise AssertionError("unreachable")


def _hand_out(results: list[_Result]) -> None:
    """Wake every event loop once, with all that came for it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Result]] = {}
    for result in results:
        job = result[0]
        if job.loop is None:
            _resolve([result])
        else:
            by_loop.setdefault(job.loop, []).append(result)
    for loop, of_loop in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed, and with it all who waited there
            loop.call_soon_threadsafe(_resolve, of_loop)


def _resolve(results: list[_Result]) -> None:
    for job, value, error in results:
        if job.future.done():
            continue  # nobody waits any more
        with suppress(InvalidStateError):  # since just now: another thread's future
            if error is not None:
                job.future.set_exception(error)
            else:
                job.future.set_result(value)


writer = Writer()

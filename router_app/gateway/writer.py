"""One thread per process through which every write of the gateway goes.

Operations that wait are taken together and committed together (group commit). Those of one kind
(`Together`) are even done together: one call of their function with all of their items, so that a
batch costs one statement per table. Results are handed out only after the commit: whoever sees a
reservation can rely on it being on disk.

What an operation is: `jobs.py`. How a batch is committed, and what becomes of one that fails:
`committing.py`.
"""

import asyncio
import queue
import threading
import time
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TypeVar

from django.db import connection

from router_app.analytics import metrics
from router_app.errors import Unavailable
from router_app.gateway.committing import commit_together
from router_app.gateway.jobs import Job, Operation, Result, Wanted, too_slow

T = TypeVar("T")

MAX_WAITING = 4_096  # operations in line; more is an overload that a caller should hear about
MAX_BATCH = 64
# While several come at a time the next batch waits so long for more: most of what a batch costs it
# costs once, and meanwhile the interpreter belongs to those who make work for it. On PostgreSQL
# every statement is a way there and back, however many rows it has.
GATHER_SECONDS = 0.0002
GATHER_SECONDS_AFAR = 0.002
PATIENCE_SECONDS = 10.0  # of whoever can be told to try again later

_Line = queue.SimpleQueue[Job | None]  # None: the end of the line


class Writer:
    """The thread, its queue, and nothing else. Starts itself with the first operation."""

    def __init__(self) -> None:
        self._line: _Line = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def submit(self, operation: Operation[T]) -> Future[T]:
        """Put an operation in line. Raises Unavailable when the line is full."""
        job = Job(operation)
        job.future = Future()
        self._put(job)
        return job.future  # type: ignore[no-any-return]

    def run(self, operation: Operation[T], *, wanted: Wanted | None = None) -> asyncio.Future[T]:
        """Put an operation in line; await its commit. Cancelling the wait does not undo it.

        Where it is not `wanted` any more when its turn comes, nothing is done, and the result is
        Unavailable.
        """
        job = Job(operation, wanted)
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

    def _put(self, job: Job) -> None:
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
            _hand_out(commit_together(jobs))
    connection.close()


def _hand_out(results: list[Result]) -> None:
    """Wake every event loop once, with all that came for it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Result]] = {}
    for result in results:
        job = result[0]
        if job.loop is None:
            _resolve([result])
        else:
            by_loop.setdefault(job.loop, []).append(result)
    for loop, of_loop in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed, and with it all who waited there
            loop.call_soon_threadsafe(_resolve, of_loop)


def _resolve(results: list[Result]) -> None:
    for job, value, error in results:
        if job.future.done():
            continue  # nobody waits any more
        with suppress(InvalidStateError):  # since just now: another thread's future
            if error is not None:
                job.future.set_exception(error)
            else:
                job.future.set_result(value)


writer = Writer()

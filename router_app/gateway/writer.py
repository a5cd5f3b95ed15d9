"""One thread per process through which every write of the gateway goes.

Operations that wait are taken together and committed together (group commit), each in a savepoint
of its own, so that one that fails does not harm its neighbours. An operation's result is handed out
only after the commit: whoever sees a reservation can rely on it being on disk.

An operation is a plain function that touches nothing but the database: it may be run a second time
when a commit failed (a deadlock on PostgreSQL, a locked file on SQLite).
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from router_app.errors import Unavailable

logger = logging.getLogger(__name__)
T = TypeVar("T")
Line = queue.Queue[tuple[Callable[[], Any], Future[Any]] | None]  # None: the end of the line

MAX_WAITING = 4_096  # operations in line; more is an overload that a caller should hear about
MAX_BATCH = 64
TRIES = 4
PAUSE_SECONDS = 0.05  # before an operation is tried again, times the number of tries


class Writer:
    """The thread, its queue, and nothing else. Starts itself with the first operation."""

    def __init__(self) -> None:
        self._line: Line = queue.Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def submit(self, operation: Callable[[], T]) -> Future[T]:
        """Put an operation in line. Raises Unavailable when the line is full."""
        future: Future[T] = Future()
        with self._lock:
            self._start()
            try:
                self._line.put_nowait((operation, future))
            except queue.Full:
                message = "The service is overloaded. Try again in a few seconds."
                raise Unavailable(message) from None
        return future

    async def run(self, operation: Callable[[], T]) -> T:
        """Run an operation and wait for its commit. Cancelling the wait does not undo it."""
        return await asyncio.shield(asyncio.wrap_future(self.submit(operation)))

    def run_sync(self, operation: Callable[[], T]) -> T:
        """The same for code without an event loop."""
        return self.submit(operation).result()

    def stop(self) -> None:
        """Finish what is in line and end the thread; a later operation starts it again."""
        with self._lock:
            # What comes from here on waits in a line of its own, for a thread of its own.
            thread, line = self._thread, self._line
            self._thread, self._line = None, queue.Queue(MAX_WAITING)
        if thread is not None:
            line.put(None)
            thread.join()

    @property
    def waiting(self) -> int:
        """How many operations are in line."""
        return self._line.qsize()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=_work, args=(self._line,), name="writer", daemon=True
            )
            self._thread.start()


def _work(line: Line) -> None:
    running = True
    while running:
        batch = [line.get()]
        while len(batch) < MAX_BATCH and not line.empty():
            batch.append(line.get_nowait())
        running = None not in batch
        _commit_together([item for item in batch if item is not None])
    connection.close()


def _commit_together(batch: list[tuple[Callable[[], Any], Future[Any]]]) -> None:
    try:
        with transaction.atomic():
            results = [_in_savepoint(operation) for operation, _ in batch]
    except Exception:
        connection.close()
        for operation, future in batch:
            _commit_alone(operation, future)
        return
    for (_, future), (value, error) in zip(batch, results, strict=True):
        _hand_out(future, value, error)


def _in_savepoint(operation: Callable[[], T]) -> tuple[T | None, Exception | None]:
    try:
        with transaction.atomic():
            return operation(), None
    except (OperationalError, InterfaceError):
        raise  # the connection or the transaction is at fault: the whole batch is tried again
    except Exception as error:
        return None, error


def _commit_alone(operation: Callable[[], T], future: Future[T]) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                value = operation()
        except (OperationalError, InterfaceError) as error:
            connection.close()
            if attempt < TRIES:
                time.sleep(PAUSE_SECONDS * attempt)
                continue
            logger.error("a write failed %d times: %s", TRIES, type(error).__name__)
            _hand_out(future, None, Unavailable("The database is away. Try again soon."))
        except Exception as error:
            if isinstance(error, DatabaseError):
                connection.close()
            _hand_out(future, None, error)
        else:
            _hand_out(future, value, None)
        return


def _hand_out(future: Future[T], value: T | None, error: Exception | None) -> None:
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(value)  # type: ignore[arg-type]


writer = Writer()

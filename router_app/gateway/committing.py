"""A batch of the writer, from the first statement to the commit. On the writer's thread.

Where anything in a batch fails, all of it is undone and each operation is done alone, so that one
that fails does not harm its neighbours; so it may be run a second time. That holds also where the
connection breaks in the very moment of the commit: the first time may be on disk, and the second
has to notice.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)

from router_app.errors import Unavailable
from router_app.gateway.jobs import Job, Result, Together, too_slow
from router_app.gateway.standing_aside import standing_aside
from router_app.models.postgresql import send_waiting, together

logger = logging.getLogger(__name__)

TRIES = 4
PAUSE_SECONDS = 0.05  # before an operation is tried again, times the number of tries
SLOW_SECONDS = 1.0  # after which a batch looks once more whether all of it is wanted

# It may be better soon: away, locked, a deadlock, a stand-by that does not write yet.
PASSING = (OperationalError, InterfaceError, InternalError)


def commit_together(jobs: list[Job]) -> list[Result]:
    try:
        with transaction.atomic(), _quickly(jobs):
            return _done_together(jobs)
    except PASSING:
        connection.close()
    except Exception as error:
        if len(jobs) == 1 and not isinstance(error, DatabaseError):
            return [(jobs[0], None, error)]
    return _commit_each(jobs)


def _quickly(jobs: Sequence[Job]) -> AbstractContextManager[None]:
    """How a batch's statements take less time: on PostgreSQL with fewer ways there and back, on
    SQLite undisturbed by the loop, which is likely to be busy where there are several jobs."""
    if connection.vendor == "postgresql":
        return together(connection)
    loop = jobs[0].loop
    return standing_aside(loop) if loop is not None and len(jobs) > 1 else nullcontext()


def _done_together(jobs: Iterable[Job]) -> list[Result]:
    """Each job with its value: single operations first, then each kind with all of its items.

    Inside the transaction, whose beginning may have waited for somebody else's.
    """
    begun = time.monotonic()
    results: list[Result] = []
    kinds: dict[Any, list[Job]] = {}
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


def _commit_each(jobs: list[Job]) -> list[Result]:
    """Each in a transaction of its own. While the database is away one of them waits for it."""
    results, tries = [], TRIES
    for job in jobs:
        value, error = _commit_alone(job, tries)
        if isinstance(error, Unavailable):
            tries = 1
        results.append((job, value, error))
    return results


def _commit_alone(job: Job, tries: int) -> tuple[Any, Exception | None]:
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

"""Which lines are due, and which are written.

`ClosedCall` rows without a `line` are due, in the order of their ids. Under the log's lock a writer
settles what the file has and the database does not know or the other way round, appends what is
due, and numbers it. `line` counts on over rotated files: it is the place in the whole log, not in
one file.

On several machines every machine's file is the whole log from its first line on. Whoever has its
turn, which the database gives to one at a time, first takes over the lines that others numbered,
then appends and numbers what is due; so all files have all lines, in one order.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction
from django.db.models import Count, F, Min
from django.utils import timezone

from router_app.analytics.mirror import facts, logfile, tail
from router_app.analytics.mirror.facts import Facts, Receipt
from router_app.analytics.mirror.line import line_of
from router_app.models import ClosedCall

logger = logging.getLogger(__name__)

MOST_LINES = 1_000  # of one append
MOST_BYTES = 4 * 1024 * 1024
TURN = int.from_bytes(b"requests")  # the name of PostgreSQL's lock

Lines = Iterator[tuple[Facts, Receipt]]


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the log is behind the database."""

    pending: int
    oldest_seconds: float  # age of the oldest closing that waits; 0 if none does


def write_pending(path: Path) -> int:
    """Bring the log up to date; returns how many lines it gained for calls not in it before.

    Raises OSError or NotARequestLog if the file cannot be written, DatabaseError if the database
    is away; whatever was not written then is due at the next time.
    """
    path = path.resolve()
    with logfile.locked(path):
        noted = logfile.remembered(path)
        with _turn():
            settled, gained = tail.settle(path, _number)
            logfile.remember(path, settled)
        last = _take_over(path, settled)
        restored = max(0, (last if noted is None else min(last, noted)) - settled)
        gained += last - settled - restored
        if restored:
            logger.warning(
                "The request log had lost its last %d lines; they are restored.", restored
            )
        while True:
            with _turn():
                before, last = last, _take_over(path, last)
                some, is_more = _append_some(path, facts.due())
                last += _number([call.closing for call in some])
                logfile.remember(path, last)
            gained += last - before
            if not is_more:
                return gained


def rebuild(path: Path) -> int:
    """Make the whole log again from the database, in place of what is there; returns its lines."""
    path = path.resolve()
    with logfile.locked(path), ExitStack() as turn:
        due: list[int] = []
        lines = 0
        with logfile.replacing(path) as log:
            for call, receipt in _everything(turn):
                log.write(line_of(call, receipt))
                lines += 1
                if call.line is None:
                    due.append(call.closing)
        _number(due)
        logfile.remember(path, tail.top_line())
        return lines


def is_behind(path: Path) -> bool:
    """Whether any line is due, or was written on another machine since this log's last one."""
    noted = logfile.remembered(path.resolve())
    due = ClosedCall.objects.filter(line__isnull=True)
    return due.exists() or (noted is not None and noted < tail.top_line())


def lag() -> Lag:
    """How many lines are due, and for how long."""
    found = ClosedCall.objects.filter(line__isnull=True).aggregate(
        pending=Count("pk"), oldest=Min("call__closed_at")
    )
    oldest = found["oldest"]
    age = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    return Lag(found["pending"], max(0.0, age))


@contextmanager
def _turn() -> Iterator[None]:
    """Be the only machine that numbers lines. SQLite is on one machine, whose file is locked."""
    if connection.vendor == "sqlite":
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TURN])
        yield


def _take_over(path: Path, last: int) -> int:
    """Append lines that have numbers above `last`; returns the last one's."""
    rows, is_more = facts.numbered(last), True
    while is_more:
        some, is_more = _append_some(path, rows)
        last = some[-1].line or last if some else last
    return last


def _append_some(path: Path, rows: Lines) -> tuple[list[Facts], bool]:
    """Append the first of them, as many as one write should hold; and whether there may be more."""
    lines = bytearray()
    taken: list[Facts] = []
    for call, receipt in rows:
        lines += line_of(call, receipt)
        taken.append(call)
        if len(taken) >= MOST_LINES or len(lines) >= MOST_BYTES:
            break
    if taken:
        logfile.append(path, lines)
    return taken, len(taken) >= MOST_LINES or len(lines) >= MOST_BYTES


def _number(closings: Sequence[int]) -> int:
    """Give the lines their numbers, in the order in which they stand in the file."""
    if not closings:
        return 0
    with transaction.atomic():
        line = tail.top_line()
        for first, last in _runs(closings):
            run = ClosedCall.objects.filter(pk__gte=first, pk__lte=last)
            run.update(line=F("pk") + (line + 1 - first))
            line += last + 1 - first
    return len(closings)


def _runs(closings: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of those that follow each other: one statement numbers them all."""
    first = last = closings[0]
    for closing in closings[1:]:
        if closing != last + 1:
            yield first, last
            first = closing
        last = closing
    yield first, last


def _everything(turn: ExitStack) -> Lines:
    """All lines with numbers; then, while nobody else numbers any, the latest and those due."""
    last = 0
    for call, receipt in facts.numbered():
        last = call.line or last
        yield call, receipt
    turn.enter_context(_turn())
    yield from facts.numbered(last)
    yield from facts.due()

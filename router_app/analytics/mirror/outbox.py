"""Which lines are due, and which are written.

`ClosedCall` rows without a `line` are due, in the order of their ids. Under the log's lock a writer
repairs the file's end, settles what the file has and the database does not know or the other way
round, appends what is due, and numbers it. `line` counts on over rotated files: it is the place in
the whole log, not in one file.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from pathlib import Path
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, Min, QuerySet
from django.utils import timezone

from router_app.analytics.mirror import logfile
from router_app.analytics.mirror.line import line_for
from router_app.models import ClosedCall

logger = logging.getLogger(__name__)

MOST_LINES = 200  # of one append
MOST_BYTES = 4 * 1024 * 1024
_CALL_ID = re.compile(rb'"call":"([0-9a-f-]{36})"')


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
        remains = logfile.repair(path)
        found = _number(_unnumbered_at_end(path))
        _restore(path, _lost(path, remains))
        return found + _append_due(path)


def rebuild(path: Path) -> int:
    """Make the whole log again from the database, in place of what is there; returns its lines."""
    path = path.resolve()
    with logfile.locked(path):
        due: list[ClosedCall] = []
        lines = 0
        with logfile.replacing(path) as log:
            for closing in chain(_numbered().iterator(MOST_LINES), _due().iterator(MOST_LINES)):
                log.write(line_for(closing.call))
                lines += 1
                if closing.line is None:
                    due.append(ClosedCall(pk=closing.pk))
        _number(due)
        return lines


def has_pending() -> bool:
    """Whether any line is due."""
    return ClosedCall.objects.filter(line__isnull=True).exists()


def lag() -> Lag:
    """How many lines are due, and for how long."""
    found = ClosedCall.objects.filter(line__isnull=True).aggregate(
        pending=Count("pk"), oldest=Min("call__closed_at")
    )
    oldest = found["oldest"]
    age = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    return Lag(found["pending"], max(0.0, age))


def _closings() -> QuerySet[ClosedCall]:
    return ClosedCall.objects.select_related(
        "call__decision__api_key", "call__model__provider"
    ).only(
        "line", "call", "call__decision__api_key__prefix", "call__model__provider__slug",
        *(f"call__decision__{name}" for name in ("face", "receipt", "quality_met", "prompt")),
        *(f"call__{name}" for name in _CALL_FACTS),
    )  # fmt: skip


def _numbered() -> QuerySet[ClosedCall]:
    return _closings().filter(line__isnull=False).order_by("line")


def _due() -> QuerySet[ClosedCall]:
    return _closings().filter(line__isnull=True).order_by("pk")


def _append_due(path: Path) -> int:
    written = 0
    while due := list(_due()[:MOST_LINES]):
        written += _number(_append_some(path, due))
    return written


def _append_some(path: Path, closings: Sequence[ClosedCall]) -> list[ClosedCall]:
    """Append the first of them, as many as one write should hold; returns those."""
    lines = bytearray()
    taken: list[ClosedCall] = []
    for closing in closings:
        lines += line_for(closing.call)
        taken.append(closing)
        if len(lines) >= MOST_BYTES:
            break
    logfile.append(path, bytes(lines))
    return taken


def _number(closings: Iterable[ClosedCall]) -> int:
    """Give the lines their numbers, in the order in which they stand in the file."""
    closings = list(closings)
    if not closings:
        return 0
    with transaction.atomic():
        last = ClosedCall.objects.aggregate(last=Max("line"))["last"] or 0
        for line, closing in enumerate(closings, start=last + 1):
            closing.line = line
        ClosedCall.objects.bulk_update(closings, ["line"], batch_size=MOST_LINES)
    return len(closings)


def _unnumbered_at_end(path: Path) -> list[ClosedCall]:
    """Lines that a writer appended and did not live to number, in file order."""
    calls = logfile.calls_backwards(path)
    found: list[ClosedCall] = []
    # One look is enough in peace; only after a crash the last line has no number.
    for size in chain([1], repeat(MOST_LINES)):
        some = list(islice(calls, size))
        unnumbered = _unnumbered(some)
        for call in some:
            if call not in unnumbered:
                return found[::-1]
            found.append(unnumbered[call])
        if not some:
            return found[::-1]
    return found


def _unnumbered(calls: Sequence[UUID]) -> dict[UUID, ClosedCall]:
    rows = ClosedCall.objects.filter(call_id__in=calls, line__isnull=True)
    return {row.call_id: row for row in rows}


def _lost(path: Path, remains: bytes) -> QuerySet[ClosedCall]:
    """Numbered lines that should follow the file's last one: its end was cut off or damaged."""
    last = _line_of(next(logfile.calls_backwards(path), None))
    if last is not None:
        return _numbered().filter(line__gt=last)
    torn = _CALL_ID.search(remains)
    first = _line_of(UUID(torn[1].decode())) if torn else None
    return _numbered().none() if first is None else _numbered().filter(line__gte=first)


def _line_of(call: UUID | None) -> int | None:
    if call is None:
        return None
    return ClosedCall.objects.filter(call_id=call).values_list("line", flat=True).first()


def _restore(path: Path, lost: QuerySet[ClosedCall]) -> None:
    restored = 0
    for some in _batches(lost.iterator(MOST_LINES)):
        while some:
            done = len(_append_some(path, some))
            restored, some = restored + done, some[done:]
    if restored:
        logger.warning("The request log had lost its last %d lines; they are restored.", restored)


def _batches(closings: Iterator[ClosedCall]) -> Iterator[list[ClosedCall]]:
    while some := list(islice(closings, MOST_LINES)):
        yield some


_CALL_FACTS = (
    "attempt", "user", "model", "task_type", "quality", "outcome", "failure_kind", "finish_reason",
    "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "usage_source",
    "estimated_nanos", "reserved_nanos", "cost_nanos", "sent_at", "closed_at",
)  # fmt: skip

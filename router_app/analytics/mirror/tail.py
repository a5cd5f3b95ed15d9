"""Where the log ends, as the database sees it, and putting right what a crash left there.

The log's last lines may have no number: their writer appended them and died. They get theirs now,
unless other machines went on numbering: then these lines are cut, since others come before them.
They may also be cut off or damaged; then the log ends with an earlier line.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from pathlib import Path
from uuid import UUID

from django.db.models import Max

from router_app.analytics.mirror import logfile
from router_app.models import ClosedCall

LOOK = 200  # calls asked for at once
_CALL_ID = re.compile(rb'"call":"([0-9a-f-]{36})"')

Number = Callable[[list[int]], int]


@dataclass(slots=True)
class _End:
    """The last line that has a number, if there is one, and the closings of those behind it."""

    call: UUID | None = None
    line: int | None = None
    unnumbered: list[int] = field(default_factory=list)


def settle(path: Path, number: Number) -> tuple[int, int]:
    """Repair the log's end; returns the number of its last line, and how many just got theirs.

    A log without lines ends where it did when it was moved away, or else where all others do now.
    """
    remains = logfile.repair(path)
    top, noted = top_line(), logfile.remembered(path)
    elsewhere = top if noted is None else min(noted, top)
    end = _end(path)
    if end.unnumbered:
        last = elsewhere if end.line is None else end.line
        if last == top:
            return top + number(end.unnumbered), len(end.unnumbered)
        logfile.cut_behind(path, end.call)
        return last, 0
    if end.line is None:
        torn = _torn_line(remains)
        return (elsewhere if torn is None else torn - 1), 0
    if noted is not None and noted < end.line and not _follow_each_other(path, noted, end.line):
        logfile.cut_behind(path, ClosedCall.objects.get(line=noted).call_id if noted else None)
        return noted, 0
    return end.line, 0


def top_line() -> int:
    """The number of the whole log's last line."""
    return ClosedCall.objects.aggregate(last=Max("line"))["last"] or 0


def _end(path: Path) -> _End:
    end = _End()
    # One look is enough in peace; only after a crash the last line has no number.
    for call, row in _backwards(path, chain([1], repeat(LOOK))):
        if row is None or row[1] is not None:
            end.call, end.line = call, row and row[1]
            break
        end.unnumbered.insert(0, row[0])
    return end


def _follow_each_other(path: Path, first: int, last: int) -> bool:
    """Whether the log's latest lines have the numbers behind `first` up to `last`."""
    behind = islice(_backwards(path, repeat(LOOK)), last - first)
    return [row and row[1] for _, row in behind] == list(range(last, first, -1))


def _backwards(
    path: Path, sizes: Iterator[int]
) -> Iterator[tuple[UUID, tuple[int, int | None] | None]]:
    """The calls of the log's lines, last line first, each with its closing's key and number."""
    calls = logfile.calls_backwards(path)
    for size in sizes:
        some = list(islice(calls, size))
        if not some:
            return
        rows = ClosedCall.objects.filter(call_id__in=some).values_list("call_id", "pk", "line")
        known = {call: (pk, line) for call, pk, line in rows}
        for call in some:
            yield call, known.get(call)


def _torn_line(remains: bytes) -> int | None:
    torn = _CALL_ID.search(remains)
    if torn is None:
        return None
    closing = ClosedCall.objects.filter(call_id=UUID(torn[1].decode()))
    return closing.values_list("line", flat=True).first()

"""The log as a file: one writer at a time, no torn end, on disk before anyone says so.

The lock is a file of its own beside the log, because a rebuilt log is another file under the same
name. The system drops the lock when its holder dies. In it stands the number of the last line that
the log was given, so that a log which was moved away goes on where it ended.
"""

import fcntl
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

CHUNK = 64 * 1024
BEGINNING = b'{"at":"'  # of every line of ours
# No write of ours is longer; whoever finds so much that is not ours must not cut it off.
MOST_REPAIRED = 32 * 1024 * 1024


class NotARequestLog(Exception):
    """The file holds something else than our lines: nothing in it is touched."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(f"{path} is not a request log: set REQUEST_LOG_PATH to a file of its own")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the log's lock, over all threads and processes. Makes the folder if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _lock(path).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remember(path: Path, line: int) -> None:
    """Note the number of the log's last line; wants the lock."""
    lock = os.open(_lock(path), os.O_WRONLY)
    try:
        os.pwrite(lock, b"%020d\n" % line, 0)
    finally:
        os.close(lock)


def remembered(path: Path) -> int | None:
    """The number that was noted last; None if none was."""
    try:
        return int(_lock(path).read_bytes())
    except (OSError, ValueError):
        return None


def repair(path: Path) -> bytes:
    """Cut what follows the last whole line of ours: the remains of a write that was cut short.

    Returns the first of what was cut, a chunk at most. Raises NotARequestLog rather than empty a
    file of somebody else.
    """
    if not path.exists():
        return b""
    with path.open("r+b") as log:
        size = log.seek(0, os.SEEK_END)
        end = _end_of_last_valid_line(log, size)
        if end == size:
            return b""
        log.seek(end)
        remains = log.read(CHUNK)
        if end == 0 and not _is_torn_first_line(remains):
            raise NotARequestLog(path)
        log.truncate(end)
        os.fsync(log.fileno())
        return remains


def calls_backwards(path: Path) -> Iterator[UUID]:
    """The call ids of the log's lines, last line first; ends at a line that is not ours."""
    if not path.exists():
        return
    with path.open("rb") as log:
        for _, line in _lines_backwards(log, log.seek(0, os.SEEK_END)):
            call = call_of(line)
            if call is None:
                return
            yield call


def cut_behind(path: Path, call: UUID | None) -> None:
    """Drop what follows the line about this call; everything if there is none."""
    with path.open("r+b") as log:
        size = log.seek(0, os.SEEK_END)
        ends = (end for end, line in _lines_backwards(log, size) if call_of(line) == call)
        log.truncate(0 if call is None else next(ends, 0))
        os.fsync(log.fileno())


def append(path: Path, lines: bytes | bytearray) -> None:
    """Add whole lines at the end; all of them or, if the disk says no, none. Raises OSError."""
    with io.FileIO(path, "ab", opener=_private) as log:
        before = log.seek(0, os.SEEK_END)
        try:
            _write_all(log.fileno(), lines)
            os.fsync(log.fileno())
        except OSError:
            with suppress(OSError):
                log.truncate(before)
            raise
    if before == 0:
        _sync_folder(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the log's place, at once and durably, if the block succeeds."""
    temporary = path.with_name(path.name + ".new")
    try:
        with io.BufferedWriter(io.FileIO(temporary, "wb", opener=_private)) as new:
            yield new
            new.flush()
            os.fsync(new.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def call_of(line: bytes) -> UUID | None:
    """The call a line is about; None if it is not a whole line of ours."""
    if not line.endswith(b"}\n"):
        return None
    try:
        return UUID(json.loads(line)["call"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _lock(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _is_torn_first_line(remains: bytes) -> bool:
    """After a power cut a file may also hold zeros where its data should be."""
    start = remains.strip(b"\0")[: len(BEGINNING)]
    return BEGINNING.startswith(start) and b"\n" not in remains


def _private(name: str, flags: int) -> int:
    """Not for every account of the machine: the log says who spent what."""
    return os.open(name, flags, 0o640)


def _write_all(descriptor: int, data: bytes | bytearray) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _end_of_last_valid_line(log: BinaryIO, size: int) -> int:
    for end, line in _lines_backwards(log, size):
        if call_of(line) is not None:
            return end
        if size - end > MOST_REPAIRED:
            raise NotARequestLog(log.name)
    return 0


def _lines_backwards(log: BinaryIO, size: int) -> Iterator[tuple[int, bytes]]:
    """(offset behind the line, the line with its newline if it has one), from the end."""
    start = end = size
    rest = b""  # the end of a line whose beginning is not read yet
    while start > 0:
        step = min(max(CHUNK, len(rest)), start)  # grows, so that a long line is joined few times
        start -= step
        log.seek(start)
        rest, *whole = _split(log.read(step) + rest)
        for line in reversed(whole):
            yield end, line
            end -= len(line)
        if len(rest) > MOST_REPAIRED:
            raise NotARequestLog(log.name)
    if rest:
        yield end, rest


def _split(data: bytes) -> list[bytes]:
    """Lines with their newlines; what stands behind the last newline only if there is any."""
    *whole, last = data.split(b"\n")
    lines = [line + b"\n" for line in whole]
    return [*lines, last] if last or not lines else lines

"""Looking at processes from outside."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PROC = Path("/proc")


def is_running(pid: int) -> bool:
    """Whether the process is there and has not ended."""
    return pid in _parents()


def family(pid: int) -> set[int]:
    """The process and everything below it, now."""
    parents, found, grown = _parents(), {pid}, True
    while grown:
        below = {child for child, parent in parents.items() if parent in found} - found
        found |= below
        grown = bool(below)
    return found


def parent_of(pid: int) -> int | None:
    """Its parent's id, while it runs."""
    return _parents().get(pid)


def command_line(pid: int) -> str:
    """What it was started with; empty if it has ended."""
    try:
        return (PROC / str(pid) / "cmdline").read_text().replace("\0", " ")
    except OSError:
        if PROC.exists():
            return ""
    listed = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True)
    return listed.stdout


def _parents() -> dict[int, int]:
    """By the id of every process that has not ended (a zombie has), its parent's."""
    rows = [_stat(folder) for folder in PROC.glob("[0-9]*")] if PROC.exists() else _listed_by_ps()
    return {int(row[0]): int(row[2]) for row in rows if row and row[1][0] != "Z"}


def _stat(folder: Path) -> list[str]:
    try:
        before, _, after = (folder / "stat").read_text().rpartition(")")
    except OSError:
        return []  # it ended while we looked
    return [before.split()[0], *after.split()[:2]]


def _listed_by_ps() -> list[list[str]]:
    listed = subprocess.run(
        ["ps", "-axo", "pid=,stat=,ppid="], capture_output=True, text=True, check=True
    )
    return [line.split() for line in listed.stdout.splitlines()]


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    """Return once the condition holds; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)

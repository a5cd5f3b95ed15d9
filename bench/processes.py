"""Processes of one's own: started in a session of their own, watched through /proc, ended whole."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

END_SECONDS = 15.0  # from SIGTERM to SIGKILL
MIB = 1024 * 1024
TICKS = os.sysconf("SC_CLK_TCK")


class DidNotStart(Exception):
    """A server ended, or did not answer in time; says what it said last."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process tree holds, in MiB. Shared pages count in each of its processes in `rss`,
    and once in `pss`."""

    rss: float
    pss: float


class Service:
    """A running program with all the processes it starts."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        log: Path,
        cwd: Path,
        cores: Collection[int] | None = None,
    ) -> None:
        self.started_at = time.perf_counter()
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_pinned(cores),
            )

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> float:
        """Seconds from its start until `ready`. Raises DidNotStart."""
        while not ready():
            if self._process.poll() is not None:
                raise DidNotStart(f"it ended with {self._process.returncode}: {self.last_words()}")
            if time.perf_counter() - self.started_at > seconds:
                raise DidNotStart(f"no answer in {seconds:.0f} s: {self.last_words()}")
            time.sleep(0.01)
        return time.perf_counter() - self.started_at

    def last_words(self, characters: int = 400) -> str:
        """The end of what it wrote."""
        return self._log.read_text(errors="replace")[-characters:].strip()

    def cpu_seconds(self) -> float:
        """User and system time of all its living processes, and of ended ones they waited for."""
        return sum(_cpu_seconds(pid) for pid in self.pids())

    def memory(self) -> Memory:
        """What all its processes hold now."""
        pids = self.pids()
        return Memory(
            rss=sum(_status_bytes(pid, "status", "VmRSS") for pid in pids) / MIB,
            pss=sum(_status_bytes(pid, "smaps_rollup", "Pss") for pid in pids) / MIB,
        )

    def pids(self) -> list[int]:
        """Its processes: the one started here and everything below it."""
        below = _children()
        found, waiting = [], [self._process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            waiting += below.get(pid, [])
        return found

    def stop(self) -> None:
        """End it and whatever it started; at once if it does not go by itself."""
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_SECONDS)
        # The group bears this process's number and was made for it: nobody else is in it.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.stop()


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    cores: Collection[int] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> subprocess.Popen[str]:
    """Start a program whose standard output is read line by line."""
    return subprocess.Popen(
        command,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,
        preexec_fn=_pinned(cores),
    )


def _pinned(cores: Collection[int] | None) -> Callable[[], None] | None:
    return (lambda: os.sched_setaffinity(0, cores)) if cores else None


def _children() -> dict[int, list[int]]:
    below: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            below.setdefault(int(fields[1]), []).append(int(folder.name))
    return below


def _stat(pid: int) -> list[str]:
    """Fields of /proc/pid/stat after the name, which may hold spaces; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _cpu_seconds(pid: int) -> float:
    fields = _stat(pid)
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS if fields else 0.0


def _status_bytes(pid: int, file: str, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)

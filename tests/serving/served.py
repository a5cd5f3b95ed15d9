"""A running `manage.py serve`, seen from outside."""

import signal
import socket
import subprocess
import sys
import threading

from budgetrouter.serving.install import ROOT
from tests.serving.processes import command_line, family, is_running, wait_until

READY = "Ctrl-C stops it."
START_SECONDS = 90


class Served:
    """A running `manage.py serve`, what it has said so far, and every process below it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.url = f"http://127.0.0.1:{environment['PORT']}"
        self._lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def output(self) -> str:
        return "".join(self._lines)

    @property
    def pid(self) -> int:
        return self.process.pid

    def until_ready(self) -> "Served":
        wait_until(lambda: READY in self.output or self.process.poll() is not None, START_SECONDS)
        assert READY in self.output, self.output
        return self

    def end(self, number: signal.Signals) -> int:
        """Signal it and wait; its exit status. Fails if anything it started goes on."""
        below = family(self.pid)
        self.process.send_signal(number)
        status = self.wait()
        wait_until(lambda: not any(is_running(pid) for pid in below), 45)
        return status

    def wait(self) -> int:
        status = self.process.wait(timeout=START_SECONDS)
        self._reader.join()
        return status

    def below(self, word: str) -> list[int]:
        """Ids of processes below it whose command line has the word."""
        found = family(self.pid) - {self.pid}
        return [pid for pid in found if word in command_line(pid)]

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            self._lines.extend(lines)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

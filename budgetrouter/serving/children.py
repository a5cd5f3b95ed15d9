"""Processes that the supervisor starts, each a session of its own, and how they are ended.

A session of its own keeps Ctrl-C at the terminal from reaching them: the supervisor hears it and
ends them in order, the web server before the model that its last answers need.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from budgetrouter.serving.lifeline import PARENT_VARIABLE

POLL_SECONDS = 0.1


class Child:
    """A running process, the leader of a group of its own."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        log: Path | None = None,
    ) -> None:
        """Start the process; what it writes goes to the file, or else where ours goes."""
        extended = {**os.environ, **environment, PARENT_VARIABLE: str(os.getpid())}
        output = _open_log(log) if log else None
        try:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                cwd=cwd,
                env=extended,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        finally:
            if output is not None:
                os.close(output)

    @property
    def pid(self) -> int:
        """Process id, and the id of its process group."""
        return self._process.pid

    def exit_status(self) -> int | None:
        """None while it runs, else its status; minus the signal's number when one ended it."""
        return self._process.poll()

    def stop(self, grace_seconds: float, in_a_hurry: Callable[[], bool]) -> None:
        """Ask it to end; end it, with whatever it started, when the grace or patience is over."""
        deadline = time.monotonic() + grace_seconds
        self._process.terminate()
        while self.exit_status() is None and time.monotonic() < deadline and not in_a_hurry():
            time.sleep(POLL_SECONDS)
        with contextlib.suppress(ProcessLookupError):  # the whole group has ended
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def _open_log(path: Path) -> int:
    """The file, for appending, readable by its owner alone."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

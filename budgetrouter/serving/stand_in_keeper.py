"""Keeps the embedded model running beside the web server, at one address and with one key."""

import secrets
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from budgetrouter.serving import stand_in, web_server
from budgetrouter.serving.children import Child
from budgetrouter.serving.problem import Problem

GRACE_SECONDS = 3.0
RESTART_DELAYS = (1, 2, 4, 8, 16, 30)  # seconds before it is started again, the last one for good
STEADY_SECONDS = 60.0  # having run this long, it is started again quickly


class StandInKeeper:
    """Starts the model, starts it again when it ends, and ends it with the product."""

    def __init__(self, *, root: Path, log: Path, say: Callable[[str], None]) -> None:
        if not stand_in.is_installed():
            raise Problem(
                "No GROQ_API_KEY is set and the embedded model is not installed."
                " `make run` installs it; or set a key in .env."
            )
        self._root = root
        self.log = log
        self._say = say
        self._port = _free_port()
        self._key = secrets.token_urlsafe(32)
        self._child: Child | None = None
        self._started_at = 0.0
        self._due_at: float | None = None
        self._failures = 0

    def settings(self) -> dict[str, str]:
        """What the web server needs to know, as environment variables."""
        url = f"http://{stand_in.HOST}:{self._port}/v1"
        return {"DEMO_BASE_URL": url, "DEMO_API_KEY": self._key}

    @property
    def pid(self) -> int | None:
        """The process that runs, or ran last."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start the process; it is ready a second later."""
        command = [sys.executable, "-m", stand_in.__name__, "--port", str(self._port)]
        environment = {stand_in.KEY_VARIABLE: self._key}
        self._child = Child(command, cwd=self._root, environment=environment, log=self.log)
        self._started_at, self._due_at = time.monotonic(), None

    def is_ready(self) -> bool:
        """Whether the model is loaded and answers. Raises Problem if the process has ended."""
        status = self._child.exit_status() if self._child else None
        if status is not None:
            raise Problem(f"The embedded model did not start (status {status}); see {self.log}")
        return web_server.answers(f"http://{stand_in.HOST}:{self._port}/health")

    def watch(self) -> None:
        """Start the process again, after a pause, if it has ended. To be called often."""
        if self._child is None:
            return
        if self._due_at is not None:
            if time.monotonic() >= self._due_at:
                self.start()
        elif (status := self._child.exit_status()) is not None:
            self._plan_restart(status)

    def stop(self, in_a_hurry: Callable[[], bool]) -> None:
        """End the process, if it runs."""
        if self._child is not None:
            self._child.stop(GRACE_SECONDS, in_a_hurry)

    def _plan_restart(self, status: int) -> None:
        now = time.monotonic()
        if now - self._started_at > STEADY_SECONDS:
            self._failures = 0
        delay = RESTART_DELAYS[min(self._failures, len(RESTART_DELAYS) - 1)]
        self._failures += 1
        self._due_at = now + delay
        self._say(
            f"The embedded model ended (status {status}); starting it again in {delay} s."
            f" Its log: {self.log}"
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((stand_in.HOST, 0))
        return int(probe.getsockname()[1])

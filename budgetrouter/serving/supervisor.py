"""Runs the product in the foreground and leaves nothing behind.

It starts the embedded model (where one is needed) and gunicorn, watches both, and ends both: on
Ctrl-C, SIGTERM or a closed terminal in order, and through the kernel if it is killed itself.
"""

import time
from collections.abc import Callable
from pathlib import Path

from budgetrouter.serving import web_server
from budgetrouter.serving.children import POLL_SECONDS, Child
from budgetrouter.serving.problem import Problem
from budgetrouter.serving.stand_in_keeper import StandInKeeper
from budgetrouter.serving.stop_signals import StopSignals

START_SECONDS = 60.0  # for the model to be loaded and the server to answer
SPARE_SECONDS = 5.0  # gunicorn keeps to its own grace; this is for the case that it does not
QUIET_STOP_SECONDS = 3.0  # a stop that takes longer explains itself


class Supervisor:
    """The processes of one running product. `say` writes a line for the person who started it."""

    def __init__(
        self, *, root: Path, url: str, signals: StopSignals, say: Callable[[str], None]
    ) -> None:
        self._root = root
        self._url = url
        self._signals = signals
        self._say = say
        self._web: Child | None = None
        self._stand_in: StandInKeeper | None = None

    def run(self, *, with_stand_in: bool, when_ready: Callable[[], None]) -> None:
        """Start everything, call `when_ready` once it answers, return when asked to stop.

        Raises Problem if something does not start or the web server ends by itself. However it
        ends, no process is left.
        """
        try:
            self._start(with_stand_in)
            self._wait_until_ready()
            if not self._signals.requested:
                when_ready()
            while not self._signals.requested:
                self._check_web()
                if self._stand_in:
                    self._stand_in.watch()
                time.sleep(POLL_SECONDS)
        finally:
            self._stop()

    def _start(self, with_stand_in: bool) -> None:
        environment = {}
        if with_stand_in:
            log = self._root / "logs" / "stand-in.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            self._stand_in = StandInKeeper(root=self._root, log=log, say=self._say)
            self._stand_in.start()
            environment = self._stand_in.settings()
        self._web = Child(web_server.COMMAND, cwd=self._root, environment=environment)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._signals.requested:
            self._check_web()
            if self._all_answer():
                return
            if time.monotonic() > deadline:
                raise Problem(f"The server did not answer within {START_SECONDS:.0f} s.")
            time.sleep(POLL_SECONDS)

    def _all_answer(self) -> bool:
        stand_in_ready = self._stand_in is None or self._stand_in.is_ready()
        return stand_in_ready and web_server.answers(f"{self._url}/health")

    def _check_web(self) -> None:
        status = self._web.exit_status() if self._web else None
        if status is not None:
            raise Problem(f"The web server ended by itself (status {status}).")

    def _stop(self) -> None:
        if self._web is not None:
            grace_seconds = web_server.grace_seconds() + SPARE_SECONDS
            self._web.stop(grace_seconds, self._explaining_hurry())
        if self._stand_in is not None:
            self._stand_in.stop(lambda: self._signals.in_a_hurry)

    def _explaining_hurry(self) -> Callable[[], bool]:
        """Whether to stop at once; when that takes a while, says once what is waited for."""
        explain_at = time.monotonic() + QUIET_STOP_SECONDS
        explained = False

        def in_a_hurry() -> bool:
            nonlocal explained
            if not explained and time.monotonic() > explain_at:
                explained = True
                self._say(
                    "Waiting for answers that are being written"
                    f" (at most {web_server.grace_seconds()} s; Ctrl-C again ends them) …"
                )
            return self._signals.in_a_hurry

        return in_a_hurry

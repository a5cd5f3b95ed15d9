"""The thread that keeps the request log up to date. One per process; any of them writes all lines.

The request never waits for it and never fails for it. Under load it writes a few times a second
what has come together, rather than each line: what is written once costs less, and it stands less
in the way of the thread that books. What cannot be written now (disk full,
folder gone) is said once in the operators' log and tried again, ever less often up to a minute.
"""

import logging
import threading
from pathlib import Path

from django.conf import settings
from django.db import connections

from router_app.analytics.mirror import outbox

logger = logging.getLogger(__name__)

GATHER_SECONDS = 0.25  # how long after a call was closed its line is written, with those since
IDLE_SECONDS = 5.0  # how soon lines are written whose own process died before it could
FIRST_PAUSE_SECONDS = 0.5  # after a failure; doubles with each further one
LONGEST_PAUSE_SECONDS = 60.0


class MirrorWorker:
    """Writes when poked, and now and then on its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._poked = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)
        self._failures = 0

    def start(self) -> None:
        """Begin; what waits from before is written first."""
        self._poked.set()
        self._thread.start()

    def poke(self) -> None:
        """A call was closed and committed."""
        self._poked.set()

    def stop(self, timeout: float) -> bool:
        """Write what is due and end; False if that took longer than `timeout` seconds."""
        self._stopping.set()
        self._poked.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._write_when_poked()
            self._write(only_if_due=True)
        finally:
            connections.close_all()

    def _write_when_poked(self) -> None:
        poked = self._poked.wait(IDLE_SECONDS)
        if poked:
            self._stopping.wait(GATHER_SECONDS)
        self._poked.clear()
        self._write(only_if_due=not poked)
        if self._failures:
            self._stopping.wait(self._pause())
        elif not poked:
            connections.close_all()  # an idle thread keeps no connection

    def _pause(self) -> float:
        doublings = min(self._failures - 1, 16)
        return min(FIRST_PAUSE_SECONDS * float(2**doublings), LONGEST_PAUSE_SECONDS)

    def _write(self, *, only_if_due: bool) -> None:
        try:
            if not only_if_due or outbox.is_behind(self._path):
                outbox.write_pending(self._path)
        except Exception as failure:
            connections.close_all()  # it may be the connection that is broken
            self._failed(failure)
        else:
            self._succeeded()

    def _failed(self, failure: Exception) -> None:
        self._failures += 1
        self._poked.set()  # try again without waiting for the next call
        if self._failures == 1:
            reason = failure.strerror if isinstance(failure, OSError) else type(failure).__name__
            logger.error(
                "The request log cannot be written (%s); its lines wait in the database.", reason
            )

    def _succeeded(self) -> None:
        if self._failures:
            logger.warning("The request log is written again.")
        self._failures = 0


_worker: MirrorWorker | None = None
_guard = threading.Lock()


def start_worker(path: Path | None = None) -> MirrorWorker:
    """Start this process's thread, unless it runs; the path is REQUEST_LOG_PATH unless given."""
    global _worker
    with _guard:
        if _worker is None or not _worker.is_alive:
            _worker = MirrorWorker(path or Path(settings.REQUEST_LOG_PATH))
            _worker.start()
        return _worker


def poke() -> None:
    """Tell this process's thread, if it runs, that a call was closed and committed."""
    if _worker is not None:
        _worker.poke()


def stop_worker(timeout: float = 5.0) -> bool:
    """Stop this process's thread after a last write; False if it did not end in time."""
    global _worker
    with _guard:
        worker, _worker = _worker, None
    return worker is None or worker.stop(timeout)

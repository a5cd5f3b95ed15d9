"""The thread that tells people. One per process; any of them tells everybody.

No request waits for it and none fails for it. It looks when it is poked and every few seconds on
its own; while the database is away it says so once, and looks less often.
"""

import logging
import threading

from django.db import connections

from router_app.alerts.sending import send_some
from router_app.alerts.spreading import is_anything_waiting, spread_pending

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
AWAY_SECONDS = 30.0  # after a failure


class AlertWorker:
    """Spreads and sends until it is stopped."""

    def __init__(self) -> None:
        self._poked = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._is_well = True

    def start(self) -> None:
        """Begin; what waits from before is done first."""
        self._poked.set()
        self._thread.start()

    def poke(self) -> None:
        """There may be something to tell."""
        self._poked.set()

    def stop(self, timeout: float) -> bool:
        """End after what is being sent now; False if that took longer than `timeout` seconds. What
        is left is told by another process, or at the next start."""
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
                self._poked.wait(LOOK_SECONDS)
                self._poked.clear()
                if not self._stopping.is_set():
                    self._look()
        finally:
            connections.close_all()

    def _look(self) -> None:
        try:
            while is_anything_waiting() and not self._stopping.is_set():
                spread_pending()  # before each few that are sent: receivers may be slow
                if not send_some():
                    break
        except Exception as failure:
            connections.close_all()  # it may be the connection that is broken
            if self._is_well:
                logger.error("alerts cannot be sent now (%s); they wait.", type(failure).__name__)
            self._is_well = False
            self._stopping.wait(AWAY_SECONDS)
        else:
            if not self._is_well:
                logger.warning("alerts are sent again.")
            self._is_well = True
            connections.close_all()  # an idle thread keeps no connection


_worker: AlertWorker | None = None
_guard = threading.Lock()


def start_worker() -> AlertWorker:
    """Start this process's thread, unless it runs."""
    global _worker
    with _guard:
        if _worker is None or not _worker.is_alive:
            _worker = AlertWorker()
            _worker.start()
        return _worker


def poke() -> None:
    """Tell this process's thread, if it runs, that an alert was committed."""
    if _worker is not None:
        _worker.poke()


def stop_worker(timeout: float = 5.0) -> bool:
    """Stop this process's thread; False if it did not end in time."""
    global _worker
    with _guard:
        worker, _worker = _worker, None
    return worker is None or worker.stop(timeout)

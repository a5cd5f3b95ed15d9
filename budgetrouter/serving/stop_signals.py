"""How a person or a service manager asks the supervisor to end."""

import signal
import time

# `make` passes SIGTERM on, so a SIGTERM to its process group arrives twice. Only a signal that
# comes later than this says that somebody has lost patience.
SECOND_SIGNAL_SECONDS = 1.0


class StopSignals:
    """Remembers that this process was asked to end, and whether it was asked again."""

    def __init__(self) -> None:
        self._first: float | None = None
        self.in_a_hurry = False

    def listen(self) -> None:
        """Take over Ctrl-C, SIGTERM and the closing of the terminal."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.note)

    @property
    def requested(self) -> bool:
        """Whether this process was asked to end."""
        return self._first is not None

    def note(self, _number: int, _frame: object) -> None:
        """Take a signal; only a flag is set, whoever waits looks at it."""
        now = time.monotonic()
        if self._first is None:
            self._first = now
        elif now > self._first + SECOND_SIGNAL_SECONDS:
            self.in_a_hurry = True

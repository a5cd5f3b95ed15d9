"""Connections whose client does not read: broken off, with all that waits in them.

A server that closes such a connection properly waits until the rest has been taken, which is never;
meanwhile it keeps the rest, and the connection. What is written here is thrown away instead.
"""

import asyncio
from typing import cast

# From the moment in which more waits than a connection should hold, 64 KiB, until that is taken.
SLOWEST_READ_SECONDS = 30.0


class DropsSlowClients(asyncio.Protocol):
    """For a protocol class, in front of its base. Only what asyncio itself calls is touched."""

    _connection: asyncio.WriteTransport | None = None
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._connection = cast(asyncio.WriteTransport, transport)
        super().connection_made(transport)

    def pause_writing(self) -> None:
        """More waits than a connection should hold."""
        if self._patience is None:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(SLOWEST_READ_SECONDS, self._drop)
        super().pause_writing()

    def resume_writing(self) -> None:
        """It was taken."""
        self._stop_waiting()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._stop_waiting()
        self._connection = None
        super().connection_lost(exc)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.abort()

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

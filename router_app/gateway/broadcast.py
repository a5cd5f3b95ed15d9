"""A sequence of events that any number of followers read from its beginning.

Sender and followers may live in different event loops and threads.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Broadcast(Generic[T]):
    """Send, close, follow. Events are kept until the broadcast itself is forgotten."""

    def __init__(self) -> None:
        self._events: list[T] = []
        self._is_closed = False
        self._lock = threading.Lock()
        self._wakers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def send(self, event: T) -> None:
        """Give every follower one more event."""
        with self._lock:
            self._events.append(event)
        self._wake()

    def close(self) -> None:
        """There will be no more events."""
        self._is_closed = True
        self._wake()

    async def follow(self) -> AsyncIterator[T]:
        """Every event from the first to the last; ends when the broadcast is closed."""
        position = 0
        waker = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._wakers.add(waker)
        try:
            while True:
                # Read before the events: what is sent after this sets the flag again.
                was_closed = self._is_closed
                waker[1].clear()
                while position < len(self._events):
                    yield self._events[position]
                    position += 1
                if was_closed:
                    return
                if not self._is_closed:
                    await waker[1].wait()
        finally:
            with self._lock:
                self._wakers.discard(waker)

    async def ended(self) -> None:
        """Return once the broadcast is closed."""
        async for _ in self.follow():
            pass

    def _wake(self) -> None:
        with self._lock:
            wakers = list(self._wakers)
        for loop, flag in wakers:
            if not loop.is_closed():
                loop.call_soon_threadsafe(flag.set)

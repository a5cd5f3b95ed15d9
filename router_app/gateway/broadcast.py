"""A sequence of events that any number of followers read from its beginning.

Sender and followers may live in different event loops and threads.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")
_Waiter = tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]


class Broadcast(Generic[T]):
    """Send, close, follow. Events are kept until the broadcast itself is forgotten.

    No lock: a follower makes itself known before it looks again, the sender adds before it looks
    who waits; so one of the two always sees the other.
    """

    def __init__(self) -> None:
        self._events: list[T] = []
        self._is_closed = False
        self._waiters: list[_Waiter] = []
        self._wait_for_end: list[_Waiter] = []

    def send(self, event: T) -> None:
        """Give every follower one more event."""
        self._events.append(event)
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            _wake(waiters)

    def close(self) -> None:
        """There will be no more events."""
        self._is_closed = True
        waiters, self._waiters = self._waiters, []
        at_end, self._wait_for_end = self._wait_for_end, []
        _wake([*waiters, *at_end])

    async def follow(self) -> AsyncIterator[T]:
        """Every event from the first to the last; ends when the broadcast is closed."""
        async for events in self.follow_together():
            for event in events:
                yield event

    async def follow_together(
        self, quiet_seconds: float | None = None
    ) -> AsyncIterator[Sequence[T]]:
        """The same, with all that came since the last time in one piece.

        After so many seconds in which nothing came, that is told: by an empty piece.
        """
        position = 0
        while True:
            was_closed = self._is_closed  # before the events: none is added after closing
            if position < len(self._events):
                events = self._events[position:]
                position += len(events)
                yield events
            elif was_closed:
                return
            elif not await self._more(position, quiet_seconds):
                yield ()

    async def ended(self) -> None:
        """Return once the broadcast is closed."""
        loop = asyncio.get_running_loop()
        waiter = (loop, loop.create_future())
        self._wait_for_end.append(waiter)
        try:
            if not self._is_closed:
                await waiter[1]
        finally:
            _remove(waiter, self._wait_for_end)

    async def _more(self, position: int, seconds: float | None) -> bool:
        """True once there is an event at `position`, or it is closed; False after `seconds`."""
        loop = asyncio.get_running_loop()
        waiter = (loop, loop.create_future())
        self._waiters.append(waiter)
        timer = None if seconds is None else loop.call_later(seconds, _let_go, waiter[1])
        try:
            if not self._is_closed and position >= len(self._events):
                await waiter[1]
        finally:
            if timer is not None:
                timer.cancel()
            _remove(waiter, self._waiters)
        return self._is_closed or position < len(self._events)


def _wake(waiters: Sequence[_Waiter]) -> None:
    here = _running_loop()
    for loop, future in waiters:
        if loop is here:
            _let_go(future)
        else:
            with suppress(RuntimeError):  # its loop is closed, and nobody follows there
                loop.call_soon_threadsafe(_let_go, future)


def _remove(waiter: _Waiter, waiters: list[_Waiter]) -> None:
    if waiter in waiters:
        waiters.remove(waiter)


def _let_go(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None

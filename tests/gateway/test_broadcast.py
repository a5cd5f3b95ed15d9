"""Events and those who follow them, in whatever loops they live."""

import asyncio
from typing import Any

from router_app.gateway.broadcast import Broadcast


class ClosedJustNow:
    """A loop that was open a moment before."""

    def is_closed(self) -> bool:
        return False

    def call_soon_threadsafe(self, *_: Any) -> None:
        raise RuntimeError("Event loop is closed")


def test_a_follower_whose_loop_is_closed_does_not_stop_the_sender() -> None:
    async def story() -> list[str]:
        events: Broadcast[str] = Broadcast()
        future = asyncio.get_running_loop().create_future()
        events._waiters.append((ClosedJustNow(), future))  # type: ignore[arg-type]
        events.send("first")
        events.close()
        return [event async for event in events.follow()]

    assert asyncio.run(story()) == ["first"]

"""One connection to Redis for one event loop: commands that wait go together, as the writer's do.

Together they cost a fraction of what each would alone, and a burst of requests needs no burst of
connections. A failure is everybody's: who waits behind a command that got no answer does not try.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
Command = tuple[str | int, ...]

ANSWER_SECONDS = 0.2
LOOKS = 4  # within that time, so that a loop that was busy elsewhere does not take it for silence
MOST_TOGETHER = 256


class NoAnswer(Exception):
    """None in time, or one that is an error."""


class RedisLine:
    """Used in the event loop in which it is made."""

    def __init__(self, url: str) -> None:
        from redis import RedisError
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        # `_in_time` watches the time; the client's own watch would not see that the loop was busy.
        told = {**options(), "socket_timeout": None, "socket_connect_timeout": 5}
        self._redis = Redis.from_url(url, **{**told, "retry": Retry(NoBackoff(), 0)})
        self._failures = (RedisError, OSError, TimeoutError)
        self._waiting: list[tuple[Command, asyncio.Future[Any]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def ask(self, command: Command) -> Any:
        """What Redis answers. Raises NoAnswer. Cancelling the wait does not take it back."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((command, answer))
        if self._sending is None:
            self._sending = loop.create_task(self._send_all())
        return await answer

    async def aclose(self) -> None:
        """Close the connection."""
        await self._redis.aclose()
        await asyncio.sleep(0)  # the loop closes what it was told to close in its next round

    async def _send_all(self) -> None:
        batch: list[tuple[Command, asyncio.Future[Any]]] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
                answers = await self._send([command for command, _ in batch])
                for (_, answer), found in zip(batch, answers, strict=True):
                    _hand_out(answer, found)
        except self._failures:
            pass
        finally:
            unanswered, self._waiting, self._sending = [*batch, *self._waiting], [], None
            for _, answer in unanswered:
                _hand_out(answer, NoAnswer())

    async def _send(self, commands: list[Command]) -> list[Any]:
        line = self._redis.pipeline(transaction=False)
        for command in commands:
            line.execute_command(*command)
        return await _in_time(line.execute(raise_on_error=False))


def options(*, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
    """How a client connects: with little patience, and no second try of its own."""
    from redis.backoff import NoBackoff
    from redis.maint_notifications import MaintNotificationsConfig
    from redis.retry import Retry

    return {
        "socket_connect_timeout": seconds,
        "socket_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        # Listening for them, the client overlooks that a connection was cut while nobody used it.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }


def _hand_out(answer: asyncio.Future[Any], found: Any) -> None:
    if answer.done():  # it was answered, or nobody waits for it any more
        return
    if isinstance(found, Exception):
        answer.set_exception(NoAnswer())
    else:
        answer.set_result(found)


async def _in_time(work: Coroutine[Any, Any, T]) -> T:
    """The result. Raises TimeoutError where the loop had time to take it and there was none."""
    task = asyncio.ensure_future(work)
    for _ in range(LOOKS):
        done, _ = await asyncio.wait({task}, timeout=ANSWER_SECONDS / LOOKS)
        if done:
            return task.result()
    task.cancel()
    await asyncio.wait({task}, timeout=ANSWER_SECONDS)  # until the connection is dropped
    raise TimeoutError

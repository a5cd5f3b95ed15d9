"""What processes tell each other through Redis, and whether Redis is there to tell it.

Nothing here is needed: money, answers and pages do without. Where `CACHE_URL` names no Redis every
process keeps limits and coolings for itself, and the same where Redis is **away**: the first
operation that gets no answer in time says so, from then on nobody asks it, and a thread in the
background tries again until it is back. So an outage costs a few requests a fraction of a second,
and the others nothing.

Redis may lose everything it holds at any time: what is kept there is worth a minute or two.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.conf import settings

from router_app.gateway.redis_line import NoAnswer, RedisLine, options

if TYPE_CHECKING:  # megabytes, and only wanted where there is a Redis
    from redis import Redis

logger = logging.getLogger(__name__)

PREFIX = "budgetrouter:"
BEAT_SECONDS = 1.0  # how often others are asked what is new
AWAY_SECONDS = 2.0  # how often Redis is tried while it is away
PATIENCE_SECONDS = 1.0  # in the background, where nobody waits

Visit = Callable[["Redis"], None]


class Away(Exception):
    """Redis is not configured or does not answer: do it locally."""


class Shared:
    """One Redis, named by `url`; an empty one is never there. Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self.is_configured = bool(url)
        self.is_here = bool(url)  # until something does not answer
        self._url = url
        self._lock = threading.Lock()
        self._lines: dict[asyncio.AbstractEventLoop, RedisLine] = {}
        self._visits: list[Visit] = []
        self._bell = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    async def ask(self, *command: str | int) -> Any:
        """What Redis answers to a command. Raises Away, at once where that is known already."""
        if not self.is_here:
            raise Away
        try:
            return await self._line().ask(command)
        except NoAnswer:
            self.went_away()
            raise Away from None

    def follow(self, visit: Visit) -> None:
        """Call `visit` in the background, every second while Redis is there and when rung for."""
        with self._lock:
            if visit not in self._visits:
                self._visits.append(visit)
        self._start()

    def ring(self) -> None:
        """There is something to tell: let the visits be made now."""
        self._bell.set()

    def went_away(self) -> None:
        """It did not answer. From now on it is tried in the background only."""
        with self._lock:
            was_here, self.is_here = self.is_here, False
        if was_here:
            logger.warning("Redis does not answer: limits of keys and coolings are kept locally")
            self._start()
            self.ring()  # perhaps it was but a moment

    async def aclose(self) -> None:
        """Close the connection of the running loop. Call it before the loop ends."""
        with self._lock:
            line = self._lines.pop(asyncio.get_running_loop(), None)
        if line is not None:
            await line.aclose()

    def close(self) -> None:
        """End the thread in the background."""
        self._is_closed = True
        self._bell.set()
        if self._thread is not None:
            self._thread.join()

    def _line(self) -> RedisLine:
        loop = asyncio.get_running_loop()
        line = self._lines.get(loop)
        if line is None:
            with self._lock:
                for ended in [loop for loop in self._lines if loop.is_closed()]:
                    del self._lines[ended]  # its connection died with it
                line = self._lines[loop] = RedisLine(self._url)
        return line

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and self.is_configured and not self._is_closed:
                self._thread = threading.Thread(target=self._beat, name="shared", daemon=True)
                self._thread.start()

    def _beat(self) -> None:
        from redis import Redis, RedisError

        client = Redis.from_url(self._url, **options(seconds=PATIENCE_SECONDS))
        while not self._is_closed:
            try:
                self._make_visits(client)
            except (RedisError, OSError):
                self.went_away()
            except Exception:
                logger.exception("what processes share could not be read")
            self._bell.wait(BEAT_SECONDS if self.is_here else AWAY_SECONDS)
            self._bell.clear()
        client.close()

    def _make_visits(self, client: "Redis") -> None:
        client.set(f"{PREFIX}here", 1, ex=60)  # a Redis that takes no writes is no use either
        for visit in list(self._visits):
            visit(client)
        with self._lock:
            was_here, self.is_here = self.is_here, True
        if not was_here:
            logger.warning("Redis answers again: limits of keys and coolings are shared")


shared = Shared(settings.REDIS_URL)
if shared.is_configured:
    import redis.asyncio  # noqa: F401  while the process starts, not within a request

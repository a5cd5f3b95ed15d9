"""Counting a key's requests: those of the last 60 seconds, and those under way.

Both counters know the time of every request they let in, so a limit holds in **any** 60 seconds,
not only from one full minute to the next, and what is refused is not counted. `LocalCounter` counts
what this process let in, `RedisCounter` what all of them did, in one round trip; there a request
under way holds a **slot** that ends by itself, for a process that dies cannot give it back.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from router_app.gateway.shared import PREFIX, Shared
from router_app.records import Record

WINDOW_SECONDS = 60.0


class Limits(Record, frozen=True):
    """Of one key; 0 is no limit."""

    per_minute: int
    at_once: int


class Standing(Record, frozen=True):
    """How a key stands after it asked to come in; its request is counted if it was let in."""

    is_in: bool
    used: int  # requests of the last 60 seconds; 0 where they are not limited
    under_way: int  # 0 where they are not limited
    free_in_seconds: float  # until the minute has room for another
    empty_in_seconds: float  # until the minute is as if nothing had been asked


@dataclass(slots=True)
class _Key:
    let_in_at: deque[float] = field(default_factory=deque)  # oldest first
    under_way: int = 0

    def is_idle(self, since: float) -> bool:
        """Whether nothing would be lost by forgetting it."""
        return not self.under_way and (not self.let_in_at or self.let_in_at[-1] <= since)


class LocalCounter:
    """`clock` returns seconds and never goes back. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[int, _Key] = {}
        self._tidied_at = clock()

    def enter(self, api_key_id: int, limits: Limits) -> Standing:
        """Let a request in if the limits allow it. What is let in is to leave again."""
        with self._lock:
            now = self._clock()
            if now - self._tidied_at > WINDOW_SECONDS:
                self._tidy(now)
            key = self._keys.get(api_key_id)
            if key is None:
                key = self._keys[api_key_id] = _Key()
            times = key.let_in_at
            while times and times[0] <= now - WINDOW_SECONDS:
                times.popleft()
            too_fast = 0 < limits.per_minute <= len(times)
            is_in = not too_fast and not 0 < limits.at_once <= key.under_way
            if is_in:
                key.under_way += 1
                if limits.per_minute:
                    times.append(now)
            return _standing(is_in, key, limits, now)

    def leave(self, api_key_id: int) -> None:
        """A request that was let in has ended."""
        with self._lock:
            self._keys[api_key_id].under_way -= 1

    def take_back(self, api_key_id: int, limits: Limits) -> None:
        """A request that was let in here was refused elsewhere: it never came in."""
        with self._lock:
            key = self._keys[api_key_id]
            key.under_way -= 1
            if limits.per_minute and key.let_in_at:
                key.let_in_at.pop()  # its own time, or one that differs by a moment

    def _tidy(self, now: float) -> None:
        self._tidied_at = now
        since = now - WINDOW_SECONDS
        self._keys = {pk: key for pk, key in self._keys.items() if not key.is_idle(since)}


def _standing(is_in: bool, key: _Key, limits: Limits, now: float) -> Standing:
    times, free_in, empty_in = key.let_in_at, 0.0, 0.0
    if times:
        empty_in = times[-1] + WINDOW_SECONDS - now
        if 0 < limits.per_minute <= len(times):
            free_in = times[len(times) - limits.per_minute] + WINDOW_SECONDS - now
    return Standing(is_in, len(times), key.under_way, free_in, empty_in)


# The clock is Redis's own, in milliseconds: the processes' clocks need not agree.
ENTER = """
local requests, slots = KEYS[1], KEYS[2]
local per_minute, at_once, window, lease = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local used, under_way, free_in, empty_in = 0, 0, 0, 0
if per_minute > 0 then
  redis.call('ZREMRANGEBYSCORE', requests, '-inf', now - window)
  used = redis.call('ZCARD', requests)
end
if at_once > 0 then
  redis.call('ZREMRANGEBYSCORE', slots, '-inf', now)
  under_way = redis.call('ZCARD', slots)
end
local is_in = (per_minute == 0 or used < per_minute) and (at_once == 0 or under_way < at_once)
if is_in and per_minute > 0 then
  redis.call('ZADD', requests, now, ARGV[5])
  redis.call('PEXPIRE', requests, window)
  used = used + 1
end
if is_in and at_once > 0 then
  redis.call('ZADD', slots, now + lease, ARGV[5])
  redis.call('PEXPIRE', slots, lease)
  under_way = under_way + 1
end
if used > 0 then
  empty_in = redis.call('ZRANGE', requests, -1, -1, 'WITHSCORES')[2] + window - now
  if used >= per_minute then
    local first = used - per_minute
    free_in = redis.call('ZRANGE', requests, first, first, 'WITHSCORES')[2] + window - now
  end
end
return {is_in and 1 or 0, used, under_way, free_in, empty_in}
"""  # noqa: E501


class RedisCounter:
    """Raises Away where Redis does not answer."""

    def __init__(self, redis: Shared) -> None:
        self._shared = redis

    async def enter(
        self, api_key_id: int, limits: Limits, *, slot: str, lease_seconds: float
    ) -> Standing:
        """Let a request in, under a name of its own, if the limits allow it."""
        milliseconds = int(WINDOW_SECONDS * 1000), int(lease_seconds * 1000)
        is_in, used, under_way, free_in, empty_in = await self._shared.ask(
            *("EVAL", ENTER, 2, *_keys(api_key_id)),
            *(limits.per_minute, limits.at_once, *milliseconds, slot),
        )
        return Standing(is_in == 1, used, under_way, free_in / 1000, empty_in / 1000)

    async def leave(self, api_key_id: int, *, slot: str) -> None:
        """Give the slot back; it need not be there."""
        _, slots = _keys(api_key_id)
        await self._shared.ask("ZREM", slots, slot)


def _keys(api_key_id: int) -> tuple[str, str]:
    """Of the requests and of the slots; the braces keep both on one node of a cluster."""
    of_key = f"{PREFIX}key:{{{api_key_id}}}"
    return f"{of_key}:requests", f"{of_key}:slots"

"""The one memory of failing models in this process, and what it hears from the other processes.

Where there is a Redis, a hash there holds the latest notice about each model. A thread in the
background (`shared.py`) reads it every second, takes over what is newer and adds what only this
process knows; a cooling that begins or ends here is told at once. So a model that one process cools
is dropped by all within a second, and what Redis forgets it is told again. Nothing here waits.
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

import msgspec

from router_app.gateway.shared import PREFIX, Shared, shared
from router_app.providers.cooling import Cooling, Key, Notice

if TYPE_CHECKING:
    from redis import Redis

NOTICES = f"{PREFIX}cooling"  # a hash: "provider model" -> the notice as JSON
NEWS_SECONDS = 600.0  # twice the longest cooling; what ended longer ago is told to nobody

_notice = msgspec.json.Decoder(Notice)


class SharedCooling(Cooling):
    """Cooling that other processes hear of. Joins them when it is first asked."""

    def __init__(self, redis: Shared = shared, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
        self._shared = redis
        self._has_joined = not redis.is_configured  # then there is nobody to join

    def resting(self, models: Iterable[Key]) -> dict[Key, str]:
        """Those of the models that are not to be asked now, and why, in words."""
        if not self._has_joined:
            self._has_joined = True
            self._shared.follow(self._exchange)
        return super().resting(models)

    def _changed(self) -> None:
        self._shared.ring()

    def _exchange(self, redis: "Redis") -> None:
        """Learn what is news here, tell what is news there. Runs in the background."""
        there = _read(redis)
        self.learn(there)
        too_old = self._clock() - NEWS_SECONDS
        news: dict[Any, bytes] = {
            _field(key): msgspec.json.encode(notice)
            for key, notice in self.notices().items()
            if max(notice.at, notice.until) > too_old
            and (key not in there or there[key].at < notice.at)
        }
        if news:
            redis.hset(NOTICES, mapping=news)
            redis.expire(NOTICES, int(NEWS_SECONDS))


def _read(redis: "Redis") -> dict[Key, Notice]:
    found = cast("dict[bytes, bytes]", redis.hgetall(NOTICES))
    notices = {}
    for field, text in found.items():
        slug, _, model = field.decode().partition(" ")
        try:
            notices[slug, model] = _notice.decode(text)
        except msgspec.MsgspecError:
            continue  # of another version of the product
    return notices


def _field(key: Key) -> str:
    return " ".join(key)


cooling = SharedCooling()

"""Django's cache where `CACHE_URL` names a Redis: there, or in this process while it is away.

The pages keep in it what they could count again, and allauth the times of sign-ins and sign-ups: no
page may fail or wait for either. While Redis is away a process counts such tries by itself, which
lets somebody try a little more often; who guesses a password is locked out by the database.
"""

from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis import RedisError

from router_app.gateway.redis_line import options
from router_app.gateway.shared import Shared, shared


class RedisOrLocalCache(BaseCache):
    """Every method does it in Redis, or locally where that fails."""

    def __init__(self, server: str, params: dict[str, Any], redis: Shared = shared) -> None:
        super().__init__(params)
        in_time = {**options(), **params.get("OPTIONS", {})}
        self._shared = redis
        self._redis = RedisCache(server, {**params, "OPTIONS": in_time})
        self._local = LocMemCache("while-redis-is-away", {**params, "OPTIONS": {}})

    def add(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        return bool(self._do("add", key, value, timeout, version))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._do("get", key, default, version)

    def set(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        self._do("set", key, value, timeout, version)

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._do("touch", key, timeout, version))

    def delete(self, key: Any, version: int | None = None) -> bool:
        return bool(self._do("delete", key, version))

    def has_key(self, key: Any, version: int | None = None) -> bool:
        return bool(self._do("has_key", key, version))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        return int(self._do("incr", key, delta, version))

    def clear(self) -> None:
        self._do("clear")

    def _do(self, method: str, *args: Any) -> Any:
        if self._shared.is_here:
            try:
                return getattr(self._redis, method)(*args)
            except (RedisError, OSError):
                self._shared.went_away()
        return getattr(self._local, method)(*args)

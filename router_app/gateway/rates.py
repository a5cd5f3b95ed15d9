"""How often a key may ask, and how many of its requests may be under way at once.

A request that a key authenticates and that goes to a model, or would, is counted as soon as the key
is known, whatever becomes of it: a wrong body and a refused budget count too. What does not count
is what these limits refuse (429). Money is another matter: that is a 402, and never a 429.

The counts are shared through Redis where there is one, and are each process's own where there is
none or while it is away. A key without limits costs nothing here.
"""

import asyncio
import math
import uuid
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final

from django.conf import settings
from django.db import transaction

from router_app.errors import RateLimited
from router_app.gateway.keys import Principal, note_key
from router_app.gateway.rate_counters import Limits, LocalCounter, RedisCounter, Standing
from router_app.gateway.shared import Away, Shared, shared
from router_app.models import ApiKey, AuditEntry, User

SLOT_RETRY_SECONDS = 1  # when one of a key's requests ends is not known beforehand
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def limit_key(
    row: ApiKey,
    *,
    requests_per_minute: int | None,
    concurrent_requests: int | None,
    by: User | None = None,
) -> None:
    """Give a key limits of its own; None is the server's, 0 is none at all."""
    after = {
        "requests_per_minute": requests_per_minute,
        "concurrent_requests": concurrent_requests,
    }
    with transaction.atomic():
        before = ApiKey.objects.values(*after).get(pk=row.pk)
        row.requests_per_minute, row.concurrent_requests = requests_per_minute, concurrent_requests
        row.save(update_fields=[*after])
        if before != after:
            action = AuditEntry.Action.KEY_LIMITED
            note_key(action, row, by=by, before=before, after=after)


def limits_of(row: ApiKey) -> tuple[int, int]:
    """Requests a minute, and under way at once, that are in force for a key; 0 is no limit."""
    own = row.requests_per_minute, row.concurrent_requests
    servers = settings.KEY_REQUESTS_PER_MINUTE, settings.KEY_CONCURRENT_REQUESTS
    per_minute, at_once = (s if o is None else o for o, s in zip(own, servers, strict=True))
    return per_minute, at_once


class Entered:
    """A request that was let in. `headers` go with its answer; `leave` when it has ended."""

    headers: Mapping[str, str] = NOTHING

    async def leave(self) -> None:
        """The request has ended: whole, broken or abandoned. A second time changes nothing."""


FREELY = Entered()  # of everybody without limits
_giving_back: set[asyncio.Task[None]] = set()  # a loop holds its tasks weakly


class Rates:
    """The limits of keys, as this process keeps them.

    What it let in itself it always counts: that is the first gate, and the only one while Redis is
    away, so that an outage gives nobody a fresh minute. The second gate is Redis.
    """

    def __init__(self, redis: Shared = shared) -> None:
        self._shared = redis
        self.local = LocalCounter()
        self.redis = RedisCounter(redis)

    async def enter(self, principal: Principal) -> Entered:
        """Count a request. Raises RateLimited, at once: nobody waits in line here."""
        if not (principal.requests_per_minute or principal.concurrent_requests):
            return FREELY
        if principal.api_key_id is None:
            return FREELY
        limits = Limits(principal.requests_per_minute, principal.concurrent_requests)
        key = principal.api_key_id
        headers = _admit(self.local.enter(key, limits), limits)
        if not self._shared.is_here:
            return _Place(self, key, limits, headers)
        return await self._enter_redis(key, limits, headers)

    async def _enter_redis(self, key: int, limits: Limits, headers: Mapping[str, str]) -> "_Place":
        place = _Place(self, key, limits, headers, slot=uuid.uuid4().hex)
        lease = settings.CALL_TOTAL_SECONDS + settings.LEASE_MARGIN_SECONDS
        try:
            standing = await self.redis.enter(key, limits, slot=place.slot, lease_seconds=lease)
            place.headers = _admit(standing, limits)
        except Away:
            pass  # it may have counted us all the same, and only its answer was late
        except RateLimited:
            self.local.take_back(key, limits)
            raise
        except BaseException:  # the client left
            place.leave_soon()
            raise
        return place


class _Place(Entered):
    """A counted request. With a `slot` it may also stand under that name in Redis."""

    def __init__(
        self,
        rates: Rates,
        key: int,
        limits: Limits,
        headers: Mapping[str, str],
        *,
        slot: str = "",
    ) -> None:
        self.headers = headers
        self.slot = slot
        self._rates: Rates | None = rates
        self._key = key
        self._limits = limits

    async def leave(self) -> None:
        # Shielded: a caller that is being cancelled gives its slot back too.
        if (task := self.leave_soon()) is not None:
            await asyncio.shield(task)

    def leave_soon(self) -> asyncio.Task[None] | None:
        """The same, but for what Redis needs for it; that is the task."""
        rates, self._rates = self._rates, None
        if rates is None:
            return None
        rates.local.leave(self._key)
        if not self.slot or not self._limits.at_once:
            return None
        task = asyncio.get_running_loop().create_task(_give_back(rates, self._key, self.slot))
        _giving_back.add(task)
        task.add_done_callback(_giving_back.discard)
        return task


async def _give_back(rates: Rates, key: int, slot: str) -> None:
    with suppress(Away):  # then the slot ends by itself
        await rates.redis.leave(key, slot=slot)


def _admit(standing: Standing, limits: Limits) -> Mapping[str, str]:
    """The headers of an answer. Raises RateLimited, with the same, for who was not let in."""
    headers = _headers(standing, limits)
    if standing.is_in:
        return headers
    if 0 < limits.per_minute <= standing.used:
        seconds = max(1, math.ceil(standing.free_in_seconds))
        message = f"This key may send {limits.per_minute:,} requests a minute, and has sent them."
    else:
        seconds = SLOT_RETRY_SECONDS
        message = f"This key may have {limits.at_once:,} requests under way at once, and has them."
    again = "a second" if seconds == 1 else f"{seconds} seconds"
    raise RateLimited(
        f"{message} Try again in {again}.", retry_after_seconds=seconds, standing=headers
    )


def _headers(standing: Standing, limits: Limits) -> dict[str, str]:
    headers = {}
    if limits.per_minute:
        headers["x-ratelimit-limit-requests"] = str(limits.per_minute)
        left = max(0, limits.per_minute - standing.used)
        headers["x-ratelimit-remaining-requests"] = str(left)
        headers["x-ratelimit-reset-requests"] = duration(standing.empty_in_seconds)
    if limits.at_once:
        headers["x-ratelimit-limit-concurrency"] = str(limits.at_once)
        left = max(0, limits.at_once - standing.under_way)
        headers["x-ratelimit-remaining-concurrency"] = str(left)
    return headers


def duration(seconds: float) -> str:
    """As clients of OpenAI and Groq know it: `7.66s`, `1m0s`."""
    minutes, rest = divmod(round(max(0.0, seconds), 2), 60)
    return f"{minutes:.0f}m{rest:g}s" if minutes else f"{rest:g}s"


rates = Rates()

"""The time limits of one call.

Our own, because a transport's read timeout starts anew with every byte: a server that sends a
comment now and then would be read for ever. Comments move no limit here; only tokens do.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from router_app.providers.base import Billing, FailureKind, Limits, ProviderFailure

T = TypeVar("T")

# Once the finish reason is there the answer is whole; only its usage may still come.
AFTER_FINISH_SECONDS = 5.0


class Deadlines:
    """Which limit ends the wait that comes next. Starts its clocks when it is made.

    Times are seconds of the running loop's clock. No timeout is ever open while the caller holds
    an event: it would cancel the caller's own work.
    """

    def __init__(self, limits: Limits, *, stream: bool = True) -> None:
        self._limits = limits
        self._clock = asyncio.get_running_loop().time
        started = self._clock()
        self._total_at = started + limits.total
        self._has_token_limits = stream
        self._is_whole = False
        self._name, self._at = (
            ("first token", started + limits.first_token)
            if stream
            else ("whole answer", started + limits.whole)
        )

    def token_came(self) -> None:
        """The caller took a token and wants the next."""
        if self._has_token_limits and not self._is_whole:
            self._name, self._at = "between tokens", self._clock() + self._limits.between_tokens

    def answer_is_whole(self) -> None:
        """Only the usage is awaited now. Said again, it changes nothing."""
        if not self._is_whole:
            self._is_whole = True
            wait = min(AFTER_FINISH_SECONDS, self._limits.between_tokens)
            self._name, self._at = "end of the stream", self._clock() + wait

    def only_total(self) -> None:
        """The answer comes in one piece although a stream was asked for: no token to wait for."""
        if self._has_token_limits:
            self._name, self._at = "total", self._total_at

    async def within(self, work: Awaitable[T]) -> T:
        """The result of `work`. Raises ProviderFailure (TIMEOUT) naming the limit that bit.

        A result that came without waiting is checked too: a fast stream without an end would
        otherwise never meet the total limit.
        """
        name, at = self._next()
        try:
            async with asyncio.timeout_at(at) as scope:
                result = await work
        except TimeoutError:
            if not scope.expired():
                raise
            raise self._failure(name) from None
        if self._clock() >= self._total_at:
            raise self._failure("total")
        return result

    def _next(self) -> tuple[str, float]:
        if self._total_at <= self._at:
            return "total", self._total_at
        return self._name, self._at

    def _failure(self, name: str) -> ProviderFailure:
        """Not to be retried: it has already cost the person the whole limit."""
        seconds = {
            "first token": self._limits.first_token,
            "between tokens": self._limits.between_tokens,
            "whole answer": self._limits.whole,
            "total": self._limits.total,
        }.get(name, AFTER_FINISH_SECONDS)
        detail = f"too slow: the limit '{name}' of {seconds:g} s passed"
        return ProviderFailure(FailureKind.TIMEOUT, detail, billing=Billing.UNKNOWN)

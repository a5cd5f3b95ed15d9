"""The time limits of one call: which of them ends the wait that comes next. Does not wait itself.

Our own, because a transport's read timeout starts anew with every byte: a server that sends a
comment now and then would be read for ever. Comments move no limit here; only tokens do.
"""

import asyncio

from router_app.providers.base import Billing, FailureKind, Limits, ProviderFailure

# Once the finish reason is there the answer is whole; only its usage may still come.
AFTER_FINISH_SECONDS = 5.0


class Deadlines:
    """Starts its clocks when it is made. Times are seconds of the running loop's clock.

    No limit runs while the caller holds an event: `token_came` is said when the caller is back.
    """

    __slots__ = ("_at", "_clock", "_has_token_limits", "_is_whole", "_limits", "_name", "_total_at")

    def __init__(self, limits: Limits, *, stream: bool = True) -> None:
        self._limits = limits
        self._clock = asyncio.get_running_loop().time
        self._has_token_limits = stream
        self._is_whole = False
        started = self._clock()
        self._total_at = started + limits.total
        if stream:
            self._name, self._at = "first token", started + limits.first_token
        else:
            self._name, self._at = "whole answer", started + limits.whole

    def token_came(self) -> None:
        """The caller took all tokens that there were and wants the next."""
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

    @property
    def at(self) -> float:
        """When the wait that begins now must end."""
        return min(self._at, self._total_at)

    def check_total(self) -> None:
        """Raises ProviderFailure where the total limit has passed.

        A fast stream without an end never waits, so no wait of it would ever end too late.
        """
        if self._clock() >= self._total_at:
            raise self._failure("total")

    def passed(self) -> ProviderFailure:
        """The failure for a wait that lasted to its end: it names the limit that bit."""
        return self._failure("total" if self._total_at <= self._at else self._name)

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

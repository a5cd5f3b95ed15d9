"""Models to leave alone for a while: a circuit breaker that lives in this process.

A **cooling** belongs to one model of one provider, or to a whole provider (its key or its money is
the trouble). It begins after several failures in a row, ends by the clock, and then lets one
**probe** through: if that fails too, the next cooling is twice as long; if it succeeds, all is
forgotten. Nothing is stored: a restart asks again, which costs one failure.

What began and what ended can be told to other processes as **notices**, and theirs learnt; of two
about the same model the later one counts. Failures that began no cooling are nobody else's
business, and each process sends a probe of its own.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from router_app.providers.base import FailureKind, ProviderFailure

FAILURES_TO_COOL = 3
FAILURES_WITHIN_SECONDS = 60.0
FIRST_COOLING_SECONDS = 30.0
MAX_COOLING_SECONDS = 300.0
PROVIDER_COOLING_SECONDS = 60.0
PROBE_SECONDS = 30.0  # a probe that never reports back blocks the others for this long

# A request the provider refused is the request's fault, and a model that is gone is the
# catalogue's business. All else that goes wrong speaks against the model.
MODEL_FAULTS = frozenset(
    {
        FailureKind.CONNECT,
        FailureKind.TIMEOUT,
        FailureKind.OVERLOADED,
        FailureKind.SERVER,
        FailureKind.PROTOCOL,
        FailureKind.BROKEN_STREAM,
    }
)
PROVIDER_FAULTS = {
    FailureKind.CREDENTIALS: "because the provider refused our key",
    FailureKind.OUT_OF_MONEY: "because the provider account has no money",
}

Key = tuple[str, str]  # provider slug, model; an empty model means the whole provider


@dataclass(frozen=True, slots=True)
class Notice:
    """The latest about one model: its cooling, or that it ended (`until` 0). Times since 1970."""

    at: float  # when it began or ended
    until: float
    reason: str
    coolings: int


@dataclass(slots=True)
class _State:
    failed_at: list[float] = field(default_factory=list)  # in a row, within the minute
    until: float = 0.0
    reason: str = ""
    coolings: int = 0  # without a success between them
    probe_until: float = 0.0
    at: float = 0.0  # when a cooling began or ended last


class Cooling:
    """Safe to use from several threads. `clock` returns seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[Key, _State] = {}

    def cooled(self, slug: str, model: str) -> str | None:
        """Why this model is not to be asked now, in words, or None. Changes nothing."""
        return self.resting([(slug, model)]).get((slug, model))

    def resting(self, models: Iterable[Key]) -> dict[Key, str]:
        """Those of the models that are not to be asked now, and why, in words. Changes nothing."""
        with self._lock:
            if not self._states:
                return {}  # as long as all goes well
            now = self._clock()
            return {model: why for model in models if (why := self._obstacle(model, now))}

    def started(self, slug: str, model: str) -> None:
        """A call begins; after a cooling it is the probe, and others wait for its outcome."""
        with self._lock:
            now = self._clock()
            for key in _keys(slug, model):
                state = self._states.get(key)
                if state and state.coolings and not _why_not(state, now):
                    state.probe_until = now + PROBE_SECONDS

    def succeeded(self, slug: str, model: str) -> None:
        """The model answered: it and its provider are well."""
        with self._lock:
            for key in _keys(slug, model):
                state = self._states.get(key)
                if state and (state.until or state.coolings):
                    self._states[key] = _State(at=self._later(state))
                    self._changed()
                elif state:
                    state.failed_at.clear()

    def abandoned(self, slug: str, model: str) -> None:
        """The call ended without saying anything about the model (its caller left)."""
        with self._lock:
            for key in _keys(slug, model):
                if state := self._states.get(key):
                    state.probe_until = 0.0

    def failed(self, slug: str, model: str, failure: ProviderFailure) -> None:
        """Take note of a failure, and cool what it speaks against."""
        if failure.kind not in MODEL_FAULTS and failure.kind not in PROVIDER_FAULTS:
            self.abandoned(slug, model)  # the request's fault: the next one may probe
            return
        with self._lock:
            now = self._clock()
            of_all = failure.kind in PROVIDER_FAULTS
            state = self._states.setdefault((slug, "" if of_all else model), _State())
            until = state.until
            if of_all:
                _cool(state, now, PROVIDER_COOLING_SECONDS, PROVIDER_FAULTS[failure.kind])
            else:
                _model_failed(state, now, failure)
            if state.until != until:
                state.at = self._later(state)
                self._changed()

    def notices(self) -> dict[Key, Notice]:
        """The latest about every model that was ever cooled, to be told to others."""
        with self._lock:
            return {
                key: Notice(state.at, state.until, state.reason, state.coolings)
                for key, state in self._states.items()
                if state.at
            }

    def learn(self, notices: Mapping[Key, Notice]) -> None:
        """Take over what others know better, because it happened later."""
        with self._lock:
            for key, told in notices.items():
                known = self._states.get(key)
                if known is None or told.at > known.at:
                    self._states[key] = _State(
                        until=told.until, reason=told.reason, coolings=told.coolings, at=told.at
                    )

    def _obstacle(self, model: Key, now: float) -> str | None:
        states = (self._states.get(key) for key in _keys(*model))
        return next((why for state in states if state and (why := _why_not(state, now))), None)

    def _changed(self) -> None:
        """Called, with the lock held, when there is something new to tell. Must not wait."""

    def _later(self, state: _State) -> float:
        """Now, and in any case after what happened before: a clock can be set back."""
        return max(self._clock(), state.at + 0.001)


def _keys(slug: str, model: str) -> tuple[Key, Key]:
    return (slug, ""), (slug, model)


def _why_not(state: _State, now: float) -> str | None:
    if 0 < state.until - now <= MAX_COOLING_SECONDS:  # more: the clock was set back
        return f"cooled until {_time_of_day(state.until)} {state.reason}"
    if 0 < state.probe_until - now <= PROBE_SECONDS:
        return f"being tried again {state.reason}"
    return None


def _model_failed(state: _State, now: float, failure: ProviderFailure) -> None:
    recent = [at for at in state.failed_at if now - at < FAILURES_WITHIN_SECONDS]
    state.failed_at = [*recent, now]
    was_probe = state.coolings > 0 and now >= state.until
    if was_probe or len(state.failed_at) >= FAILURES_TO_COOL:
        seconds = min(FIRST_COOLING_SECONDS * 2**state.coolings, MAX_COOLING_SECONDS)
        _cool(state, now, seconds, _after(len(state.failed_at)))
    if failure.kind is FailureKind.OVERLOADED and failure.retry_after_seconds:
        _lengthen(state, now + failure.retry_after_seconds)


def _cool(state: _State, now: float, seconds: float, reason: str) -> None:
    """Begin a cooling, unless one runs: calls that were under way when it began do not count."""
    if state.coolings and now < state.until:
        return
    state.coolings += 1
    state.failed_at = []
    state.probe_until = 0.0
    state.until, state.reason = max(state.until, now + seconds), reason


def _lengthen(state: _State, until: float) -> None:
    """The provider named a time itself; no probe is needed after it."""
    if until > state.until:
        state.until, state.reason = until, "as the provider asked"


def _after(failures: int) -> str:
    return f"after {failures} failures" if failures > 1 else "after it failed again"


def _time_of_day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S UTC")

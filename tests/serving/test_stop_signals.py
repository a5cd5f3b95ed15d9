"""When the supervisor stops, and when it stops at once."""

import signal

import pytest

from budgetrouter.serving.stop_signals import StopSignals


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    return clock


def test_nothing_is_asked_at_first() -> None:
    signals = StopSignals()
    assert (signals.requested, signals.in_a_hurry) == (False, False)


def test_make_and_the_sender_both_signal_once(now: list[float]) -> None:
    signals = StopSignals()
    signals.note(signal.SIGTERM, None)
    now[0] += 0.2
    signals.note(signal.SIGTERM, None)
    assert (signals.requested, signals.in_a_hurry) == (True, False)


def test_a_later_ctrl_c_is_impatience(now: list[float]) -> None:
    signals = StopSignals()
    signals.note(signal.SIGINT, None)
    now[0] += 3
    signals.note(signal.SIGINT, None)
    assert signals.in_a_hurry

"""When to try again, and when to give up."""

from datetime import timedelta

import pytest

from router_app.webhooks.schedule import next_try


def test_waits_grow_from_half_a_minute_to_six_hours_and_then_it_is_over() -> None:
    waits = [next_try(attempt, jitter=lambda: 0.0) for attempt in range(1, 8)]
    assert waits == [
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=6),
        None,
        None,
    ]


@pytest.mark.parametrize("attempt", range(1, 6))
def test_chance_makes_a_wait_up_to_a_fifth_longer(attempt: int) -> None:
    shortest, longest = next_try(attempt, jitter=lambda: 0.0), next_try(attempt, jitter=lambda: 1.0)
    assert shortest and longest == shortest * 1.2
    waits = {next_try(attempt) for _ in range(50)}
    assert len(waits) > 1
    assert all(wait and shortest <= wait <= longest for wait in waits)


def test_there_is_no_attempt_before_the_first() -> None:
    with pytest.raises(ValueError, match="from 1"):
        next_try(0)

"""A model that keeps failing is left alone for a while, then tried once."""

from datetime import UTC, datetime

import pytest

from router_app.providers.base import Billing, FailureKind, ProviderFailure
from router_app.providers.cooling import Cooling

GROQ, BIG, SMALL = "groq", "openai/gpt-oss-120b", "openai/gpt-oss-20b"


class Clock:
    """Noon, until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


def failure(
    kind: FailureKind = FailureKind.SERVER, retry_after: float | None = None
) -> ProviderFailure:
    """One of a kind."""
    return ProviderFailure(
        kind, "it failed", billing=Billing.UNKNOWN, retry_after_seconds=retry_after
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cooling(clock: Clock) -> Cooling:
    return Cooling(clock)


def fail(cooling: Cooling, times: int, model: str = BIG) -> None:
    for _ in range(times):
        cooling.failed(GROQ, model, failure())


def test_three_failures_in_a_row_cool_this_model_only(cooling: Cooling, clock: Clock) -> None:
    fail(cooling, 2)
    assert cooling.cooled(GROQ, BIG) is None
    fail(cooling, 1)
    assert cooling.cooled(GROQ, BIG) == "cooled until 12:00:30 UTC after 3 failures"
    assert cooling.cooled(GROQ, SMALL) is None
    assert cooling.cooled("demo", BIG) is None
    clock.move(30)
    assert cooling.cooled(GROQ, BIG) is None


def test_a_success_between_forgets(cooling: Cooling) -> None:
    fail(cooling, 2)
    cooling.succeeded(GROQ, BIG)
    fail(cooling, 2)
    assert cooling.cooled(GROQ, BIG) is None


def test_failures_far_apart_do_not_add_up(cooling: Cooling, clock: Clock) -> None:
    for _ in range(5):
        fail(cooling, 1)
        clock.move(31)
    assert cooling.cooled(GROQ, BIG) is None


def test_one_probe_afterwards_while_others_wait(cooling: Cooling, clock: Clock) -> None:
    fail(cooling, 3)
    clock.move(30)
    cooling.started(GROQ, BIG)
    assert cooling.cooled(GROQ, BIG) == "being tried again after 3 failures"
    cooling.succeeded(GROQ, BIG)
    assert cooling.cooled(GROQ, BIG) is None
    cooling.started(GROQ, BIG)
    assert cooling.cooled(GROQ, BIG) is None


def test_a_failed_probe_doubles_up_to_five_minutes(cooling: Cooling, clock: Clock) -> None:
    fail(cooling, 3)
    for seconds, shown in [(30, "12:01:30"), (60, "12:03:30"), (120, "12:07:30")]:
        clock.move(seconds)
        cooling.started(GROQ, BIG)
        fail(cooling, 1)
        assert cooling.cooled(GROQ, BIG) == f"cooled until {shown} UTC after it failed again"
    for _ in range(40):
        clock.move(300)
        assert cooling.cooled(GROQ, BIG) is None
        fail(cooling, 1)
    assert cooling.cooled(GROQ, BIG)


def test_calls_under_way_when_it_began_change_nothing(cooling: Cooling, clock: Clock) -> None:
    fail(cooling, 9)
    assert cooling.cooled(GROQ, BIG) == "cooled until 12:00:30 UTC after 3 failures"


def test_a_probe_that_says_nothing_does_not_block_for_ever(cooling: Cooling, clock: Clock) -> None:
    fail(cooling, 3)
    clock.move(30)
    cooling.started(GROQ, BIG)
    cooling.abandoned(GROQ, BIG)
    assert cooling.cooled(GROQ, BIG) is None
    cooling.started(GROQ, BIG)
    clock.move(30)
    assert cooling.cooled(GROQ, BIG) is None


def test_a_provider_names_the_time_itself(cooling: Cooling, clock: Clock) -> None:
    cooling.failed(GROQ, BIG, failure(FailureKind.OVERLOADED, 7.0))
    assert cooling.cooled(GROQ, BIG) == "cooled until 12:00:07 UTC as the provider asked"
    clock.move(7)
    assert cooling.cooled(GROQ, BIG) is None


@pytest.mark.parametrize("kind", [FailureKind.CREDENTIALS, FailureKind.OUT_OF_MONEY])
def test_key_and_money_concern_the_whole_provider(
    cooling: Cooling, clock: Clock, kind: FailureKind
) -> None:
    cooling.failed(GROQ, BIG, failure(kind))
    assert str(cooling.cooled(GROQ, SMALL)).startswith("cooled until 12:01:00 UTC because the")
    assert cooling.cooled("demo", BIG) is None
    clock.move(60)
    assert cooling.cooled(GROQ, SMALL) is None


@pytest.mark.parametrize("kind", [FailureKind.REJECTED, FailureKind.MODEL_GONE])
def test_a_refused_request_is_not_the_models_fault(cooling: Cooling, kind: FailureKind) -> None:
    for _ in range(9):
        cooling.failed(GROQ, BIG, failure(kind))
    assert cooling.cooled(GROQ, BIG) is None


def test_a_clock_set_back_does_not_cool_for_hours(cooling: Cooling, clock: Clock) -> None:
    fail(cooling, 3)
    clock.move(-7200)
    assert cooling.cooled(GROQ, BIG) is None


def test_a_probe_that_fails_by_its_own_request_lets_the_next_one_probe() -> None:
    now = [1_000.0]
    cooling = Cooling(lambda: now[0])
    for _ in range(3):
        cooling.failed(
            "groq", "m", ProviderFailure(FailureKind.SERVER, "x", billing=Billing.UNKNOWN)
        )
    now[0] += 31
    cooling.started("groq", "m")
    assert cooling.cooled("groq", "m") is not None
    too_long = ProviderFailure(FailureKind.TOO_LONG, "x", billing=Billing.NOT_BILLED)
    cooling.failed("groq", "m", too_long)
    assert cooling.cooled("groq", "m") is None


def two_processes(clock: Clock) -> tuple[Cooling, Cooling]:
    return Cooling(clock), Cooling(clock)


def test_what_one_process_cooled_the_other_knows_word_for_word(clock: Clock) -> None:
    here, there = two_processes(clock)
    fail(here, 3)
    here.failed("demo", SMALL, failure(FailureKind.CREDENTIALS))
    there.learn(here.notices())
    for slug, model in ((GROQ, BIG), ("demo", SMALL), ("demo", BIG)):
        assert there.cooled(slug, model) == here.cooled(slug, model) is not None
    assert there.cooled(GROQ, SMALL) is None


def test_a_cooling_learnt_from_another_ends_with_a_probe_and_doubles_if_that_fails(
    clock: Clock,
) -> None:
    here, there = two_processes(clock)
    fail(here, 3)
    there.learn(here.notices())
    clock.move(30)
    there.started(GROQ, BIG)
    assert there.cooled(GROQ, BIG) == "being tried again after 3 failures"
    fail(there, 1)
    assert there.cooled(GROQ, BIG) == "cooled until 12:01:30 UTC after it failed again"


def test_a_success_anywhere_ends_it_everywhere_though_an_old_notice_comes_late(
    clock: Clock,
) -> None:
    here, there = two_processes(clock)
    fail(here, 3)
    old = here.notices()
    there.learn(old)
    there.succeeded(GROQ, BIG)
    there.learn(old)
    assert there.cooled(GROQ, BIG) is None
    here.learn(there.notices())
    assert here.cooled(GROQ, BIG) is None


def test_the_later_of_two_notices_counts_whatever_the_order(clock: Clock) -> None:
    here, there = two_processes(clock)
    fail(here, 3)
    clock.move(1)
    there.failed(GROQ, BIG, failure(FailureKind.OVERLOADED, 200.0))
    both = here.notices(), there.notices()
    for first, second in (both, both[::-1]):
        late = Cooling(clock)
        late.learn(first)
        late.learn(second)
        assert late.cooled(GROQ, BIG) == "cooled until 12:03:21 UTC as the provider asked"


def test_failures_that_cooled_nothing_and_successes_without_a_cooling_are_not_told(
    cooling: Cooling,
) -> None:
    fail(cooling, 2)
    cooling.succeeded(GROQ, BIG)
    cooling.succeeded(GROQ, SMALL)
    assert cooling.notices() == {}

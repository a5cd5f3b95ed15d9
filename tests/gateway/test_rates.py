"""A key sends no more in any 60 seconds, and has no more under way at once, than it may."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_app.errors import RateLimited
from router_app.gateway.keys import Principal
from router_app.gateway.rate_counters import WINDOW_SECONDS, Limits, LocalCounter
from router_app.gateway.rates import FREELY, Entered, Rates, duration
from router_app.gateway.shared import Away, Shared
from tests.redis_server import RedisServer
from tests.serving.processes import wait_until

MakeProcess = Callable[[], Shared]
FULL = "x-ratelimit-remaining-requests"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def a_key(per_minute: int = 0, at_once: int = 0, pk: int | None = 1) -> Principal:
    return Principal(1, "alice", pk, per_minute, at_once)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rates(clock: Clock) -> Rates:
    """A process without Redis."""
    rates = Rates(Shared(""))
    rates.local = LocalCounter(clock)
    return rates


def run(rates: Rates, work: Coroutine[Any, Any, Any]) -> Any:
    """Do it in a loop of its own, as a test's request has."""

    async def and_close() -> Any:
        try:
            return await work
        finally:
            await rates._shared.aclose()

    return asyncio.run(and_close())


def enter(rates: Rates, key: Principal) -> Entered | RateLimited:
    """One request, let in or refused."""
    return enter_all(rates, key, 1)[0]


def enter_all(rates: Rates, key: Principal, times: int) -> list[Entered | RateLimited]:
    """So many requests at once; nothing else may go wrong."""

    async def ask() -> list[Any]:
        return await asyncio.gather(
            *(rates.enter(key) for _ in range(times)), return_exceptions=True
        )

    found = run(rates, ask())
    assert [each for each in found if not isinstance(each, Entered | RateLimited)] == []
    return list(found)


def leave(rates: Rates, entered: Entered | RateLimited) -> None:
    assert isinstance(entered, Entered)
    run(rates, entered.leave())


def let_in(found: list[Entered | RateLimited]) -> int:
    return sum(isinstance(each, Entered) for each in found)


def test_a_key_without_limits_and_a_person_at_the_pages_go_freely(rates: Rates) -> None:
    assert enter_all(rates, a_key(), 500) == [FREELY] * 500
    assert enter(rates, a_key(1, 1, pk=None)) is FREELY
    assert dict(FREELY.headers) == {}


def test_what_a_key_may_send_in_a_minute(rates: Rates, clock: Clock) -> None:
    key = a_key(per_minute=2)
    first = enter(rates, key)
    assert first.headers == {
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "1",
        "x-ratelimit-reset-requests": "1m0s",
    }
    clock.now += 20.5
    assert enter(rates, key).headers[FULL] == "0"
    clock.now += 1

    refused = enter(rates, key)
    assert isinstance(refused, RateLimited)
    assert (refused.status, refused.code) == (429, "rate_limit_exceeded")
    assert refused.headers == {
        "Retry-After": "39",
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "59s",
    }
    assert "2 requests a minute" in refused.message

    clock.now += 39
    assert enter(rates, key).headers[FULL] == "0"  # the second one still counts
    assert isinstance(enter(rates, key), RateLimited)


def test_what_was_refused_does_not_count(rates: Rates, clock: Clock) -> None:
    key = a_key(per_minute=1)
    assert let_in(enter_all(rates, key, 50)) == 1
    clock.now += WINDOW_SECONDS
    assert let_in(enter_all(rates, key, 50)) == 1


def test_keys_do_not_count_for_each_other(rates: Rates) -> None:
    for pk in range(5):
        assert let_in(enter_all(rates, a_key(per_minute=3, at_once=3, pk=pk), 10)) == 3


def test_how_many_may_be_under_way(rates: Rates) -> None:
    key = a_key(at_once=2)
    first, second = enter(rates, key), enter(rates, key)
    assert second.headers == {
        "x-ratelimit-limit-concurrency": "2",
        "x-ratelimit-remaining-concurrency": "0",
    }
    refused = enter(rates, key)
    assert isinstance(refused, RateLimited)
    assert refused.headers["Retry-After"] == "1"
    assert "2 requests under way" in refused.message

    leave(rates, first)
    leave(rates, first)  # a second time changes nothing
    assert let_in(enter_all(rates, key, 5)) == 1
    leave(rates, second)
    assert let_in(enter_all(rates, key, 5)) == 1


def test_a_request_that_found_no_place_does_not_use_up_the_minute(rates: Rates) -> None:
    key = a_key(per_minute=2, at_once=1)
    entered = enter(rates, key)
    assert let_in(enter_all(rates, key, 20)) == 0
    leave(rates, entered)
    leave(rates, enter(rates, key))
    refused = enter(rates, key)
    assert isinstance(refused, RateLimited)
    assert refused.headers["x-ratelimit-remaining-concurrency"] == "1"
    assert "a minute" in refused.message


def test_a_limit_that_was_lowered_holds_at_once(rates: Rates, clock: Clock) -> None:
    for _ in range(5):
        assert isinstance(enter(rates, a_key(per_minute=5)), Entered)
        clock.now += 1
    refused = enter(rates, a_key(per_minute=2))
    assert isinstance(refused, RateLimited)
    assert (refused.headers[FULL], refused.headers["Retry-After"]) == ("0", "58")


def test_keys_that_are_idle_are_forgotten_and_those_under_way_are_not(clock: Clock) -> None:
    counter = LocalCounter(clock)
    for pk in range(1_000):
        counter.enter(pk, Limits(5, 0))
        counter.leave(pk)
    counter.enter(1_000, Limits(0, 1))
    clock.now += WINDOW_SECONDS + 1
    counter.enter(1_001, Limits(5, 0))
    assert set(counter._keys) == {1_000, 1_001}
    assert not counter.enter(1_000, Limits(0, 1)).is_in


@given(
    st.lists(st.integers(0, 120).map(lambda quarters: quarters / 4), max_size=60), st.integers(1, 5)
)
def test_no_60_seconds_see_more_and_nobody_is_refused_without_need(
    pauses: list[float], most: int
) -> None:
    clock = Clock()
    counter = LocalCounter(clock)
    times: list[float] = []
    for pause in pauses:
        clock.now += pause
        recent = [at for at in times if at > clock.now - WINDOW_SECONDS]
        standing = counter.enter(1, Limits(most, 0))
        assert standing.is_in == (len(recent) < most)
        if standing.is_in:
            times.append(clock.now)
        else:
            assert 0 < standing.free_in_seconds <= standing.empty_in_seconds <= WINDOW_SECONDS


def test_threads_do_not_slip_through_together() -> None:
    counter = LocalCounter()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: counter.enter(1, Limits(100, 50)).is_in, range(400)))
    assert sum(found) == 50


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(7.66, "7.66s"), (0.017, "0.02s"), (59.999, "1m0s"), (60, "1m0s"), (0, "0s"), (-1, "0s")],
)
def test_durations_as_clients_read_them(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.fixture
def processes(a_process: MakeProcess) -> list[Rates]:
    """Two processes that share a Redis."""
    return [Rates(a_process()), Rates(a_process())]


def test_two_processes_let_in_together_what_one_would(processes: list[Rates]) -> None:
    key = a_key(per_minute=40, at_once=30)
    found = [(rates, each) for rates in processes for each in enter_all(rates, key, 50)]
    assert let_in([each for _, each in found]) == 30
    for rates, entered in found:
        if isinstance(entered, Entered):
            leave(rates, entered)
    again = [each for rates in processes for each in enter_all(rates, key, 50)]
    assert let_in(again) == 10
    refused = next(each for each in again if isinstance(each, RateLimited))
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_redis_says_the_same_as_the_local_count(processes: list[Rates]) -> None:
    local = Rates(Shared(""))
    key = a_key(per_minute=3, at_once=2)
    for _ in range(4):
        entered = [enter(rates, key) for rates in (local, processes[0])]
        assert dict(entered[0].headers) == {**entered[1].headers, **_times(entered[0])}
        for rates, each in zip((local, processes[0]), entered, strict=True):
            if isinstance(each, Entered):
                leave(rates, each)


def _times(entered: Entered | RateLimited) -> dict[str, str]:
    """What moves on with the clock."""
    names = ("x-ratelimit-reset-requests", "Retry-After")
    return {name: entered.headers[name] for name in names if name in entered.headers}


def test_redis_forgets_idle_keys_by_itself(
    redis_server: RedisServer, processes: list[Rates]
) -> None:
    leave(processes[0], enter(processes[0], a_key(per_minute=5, at_once=5)))
    enter(processes[0], a_key(per_minute=5, at_once=5))
    with redis_server.client() as client:
        kept = client.keys("budgetrouter:key:*")
        assert len(kept) == 2
        assert all(client.pttl(each) > 0 for each in kept)


def test_the_place_of_a_process_that_died_is_free_after_the_longest_call(
    processes: list[Rates], settings: Any
) -> None:
    settings.CALL_TOTAL_SECONDS, settings.LEASE_MARGIN_SECONDS = 0.2, 0.1
    dead, living = processes
    key = a_key(at_once=1)
    assert isinstance(enter(dead, key), Entered)
    wait_until(lambda: isinstance(enter(living, key), Entered))


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8, 13, 21])
def test_who_hangs_up_while_waiting_to_be_let_in_holds_no_place(
    processes: list[Rates], turns: int
) -> None:
    rates, key = processes[0], a_key(at_once=1)

    async def hang_up() -> None:
        for _ in range(turns):
            asked = asyncio.create_task(rates.enter(key))
            for _ in range(turns):
                await asyncio.sleep(0)
            asked.cancel()
            (found,) = await asyncio.gather(asked, return_exceptions=True)
            if isinstance(found, Entered):  # it was in already
                await found.leave()
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.01)

    run(rates, hang_up())
    assert isinstance(enter(processes[1], key), Entered)
    assert isinstance(enter(processes[0], key), RateLimited)


def test_a_cancelled_request_gives_its_place_back(processes: list[Rates]) -> None:
    rates, key = processes[0], a_key(at_once=1)

    async def serve(has_entered: asyncio.Event) -> None:
        entered = await rates.enter(key)
        try:
            has_entered.set()
            await asyncio.Event().wait()
        finally:
            await entered.leave()

    async def hang_up() -> None:
        has_entered = asyncio.Event()
        served = asyncio.create_task(serve(has_entered))
        await has_entered.wait()
        served.cancel()
        await asyncio.gather(served, return_exceptions=True)

    run(rates, hang_up())
    assert isinstance(enter(processes[1], key), Entered)


def test_without_redis_each_process_counts_for_itself_and_nothing_goes_wrong(
    redis_server: RedisServer, processes: list[Rates]
) -> None:
    key = a_key(per_minute=10, at_once=4)
    inside = [(rates, enter(rates, key)) for rates in processes for _ in range(2)]
    assert isinstance(enter(processes[0], key), RateLimited)
    redis_server.kill()

    # What each let in before still counts, so that an outage is no fresh start.
    for rates in processes:
        found = enter_all(rates, key, 50)
        assert let_in(found) == 2
        inside += [(rates, each) for each in found if isinstance(each, Entered)]
    for rates, entered in inside:
        leave(rates, entered)
    for rates in processes:
        assert let_in(enter_all(rates, key, 50)) == 4

    redis_server.start()
    for rates in processes:
        wait_until(lambda rates=rates: rates._shared.is_here)  # type: ignore[misc]
        assert isinstance(enter(rates, key), RateLimited)


def test_what_another_process_let_in_is_refused_here_and_counts_here_for_nothing(
    processes: list[Rates],
) -> None:
    here, there = processes
    key = a_key(per_minute=5, at_once=5)
    for _ in range(5):
        leave(there, enter(there, key))
    assert let_in(enter_all(here, key, 50)) == 0
    assert here.local.enter(1, Limits(5, 5)).used == 1


def test_a_place_that_redis_gave_without_saying_so_in_time_is_given_back(
    processes: list[Rates], monkeypatch: pytest.MonkeyPatch
) -> None:
    rates, key = processes[0], a_key(at_once=1)
    ask = rates._shared.ask

    async def too_late(*command: Any) -> Any:
        await ask(*command)
        raise Away

    monkeypatch.setattr(rates._shared, "ask", too_late)
    entered = enter(rates, key)
    monkeypatch.undo()
    assert isinstance(enter(processes[1], key), RateLimited)
    leave(rates, entered)
    assert isinstance(enter(processes[1], key), Entered)

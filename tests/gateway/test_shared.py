"""What processes share through Redis, and that nobody notices when it is not there."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache.backends.base import BaseCache

from budgetrouter.cache import RedisOrLocalCache
from router_app.gateway.cooling import NOTICES, SharedCooling
from router_app.gateway.redis_line import ANSWER_SECONDS
from router_app.gateway.shared import Away, Shared
from router_app.providers.base import Billing, FailureKind, ProviderFailure
from router_app.providers.cooling import Cooling
from tests.redis_server import RedisServer
from tests.serving.processes import wait_until

MakeProcess = Callable[[], Shared]
GROQ, BIG, SMALL = "groq", "openai/gpt-oss-120b", "openai/gpt-oss-20b"


def failure(kind: FailureKind = FailureKind.SERVER) -> ProviderFailure:
    return ProviderFailure(kind, "it failed", billing=Billing.UNKNOWN)


def fail(cooling: Cooling, times: int = 3, model: str = BIG) -> None:
    for _ in range(times):
        cooling.failed(GROQ, model, failure())


async def ask(shared: Shared, *commands: tuple[Any, ...]) -> list[Any]:
    """What Redis answers to all of them at once; Away where it does not."""
    asked = (shared.ask(*command) for command in commands)
    return await asyncio.gather(*asked, return_exceptions=True)


async def asked(shared: Shared, times: int = 1) -> list[Any]:
    """What it answers to so many pings, and no more after that."""
    found = await ask(shared, *[("PING",)] * times)
    await shared.aclose()
    return found


def test_without_a_redis_there_is_nothing_to_ask() -> None:
    shared = Shared("")
    assert not shared.is_here
    assert isinstance(asyncio.run(asked(shared))[0], Away)
    shared.went_away()  # makes nobody look for it
    shared.close()


def test_a_redis_that_vanishes_is_away_for_all_at_once_and_found_again(
    redis_server: RedisServer, a_process: MakeProcess
) -> None:
    shared = a_process()
    assert asyncio.run(asked(shared, 50)) == [True] * 50

    redis_server.kill()
    assert all(isinstance(each, Away) for each in asyncio.run(asked(shared, 50)))
    assert not shared.is_here

    redis_server.start()
    wait_until(lambda: shared.is_here)
    assert asyncio.run(asked(shared)) == [True]


def test_connections_that_a_restart_cut_are_not_an_outage(
    redis_server: RedisServer, a_process: MakeProcess
) -> None:
    shared = a_process()

    async def over_a_restart() -> list[Any]:
        await asyncio.gather(*(shared.ask("PING") for _ in range(8)))
        await asyncio.to_thread(redis_server.kill)
        await asyncio.to_thread(redis_server.start)
        return await asked(shared, 8)

    assert asyncio.run(over_a_restart()) == [True] * 8


@pytest.fixture
def deaf() -> Iterator[socket.socket]:
    """A Redis that takes connections and says nothing."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(600)
        listening.setblocking(False)
        yield listening


def connections(listening: socket.socket) -> int:
    """How many were made since it was asked last."""
    found = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            listening.accept()[0].close()
            found += 1
    return found


def test_a_redis_that_hangs_holds_up_who_waits_for_it_once_and_then_nobody(
    deaf: socket.socket,
) -> None:
    shared = Shared(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0")
    assert all(isinstance(each, Away) for each in asyncio.run(asked(shared, 500)))
    shared.close()
    in_the_background = 2
    assert connections(deaf) <= 1 + in_the_background

    assert all(isinstance(each, Away) for each in asyncio.run(asked(shared, 500)))
    assert connections(deaf) == 0


def test_a_loop_that_is_busy_elsewhere_does_not_take_that_for_an_outage(
    a_process: MakeProcess,
) -> None:
    shared = a_process()

    async def busy() -> Any:
        asking = asyncio.ensure_future(asked(shared))
        await asyncio.sleep(0)
        time.sleep(ANSWER_SECONDS * 2)
        return await asking

    assert asyncio.run(busy()) == [True]
    assert shared.is_here


def test_an_answer_that_is_an_error_is_as_good_as_none_and_harms_no_neighbour(
    redis_server: RedisServer, a_process: MakeProcess
) -> None:
    shared = a_process()

    async def work() -> list[Any]:
        found = await ask(shared, ("SET", "a", 1), ("LPUSH", "a", 2), ("GET", "a"))
        await shared.aclose()
        return found

    first, wrong, last = asyncio.run(work())
    assert (first, last) == (True, b"1")
    assert isinstance(wrong, Away)
    wait_until(lambda: shared.is_here)


def test_a_model_that_one_process_cools_is_dropped_by_the_others(a_process: MakeProcess) -> None:
    here, there = SharedCooling(a_process()), SharedCooling(a_process())
    for cooling in (here, there):
        assert cooling.cooled(GROQ, BIG) is None

    fail(here)
    why = here.cooled(GROQ, BIG)
    assert why is not None
    assert why.endswith("after 3 failures")
    wait_until(lambda: there.cooled(GROQ, BIG) == why)
    assert there.cooled(GROQ, SMALL) is None

    there.succeeded(GROQ, BIG)
    wait_until(lambda: here.cooled(GROQ, BIG) is None)


def test_a_process_that_starts_later_learns_what_is_cooled(a_process: MakeProcess) -> None:
    here = SharedCooling(a_process())
    here.cooled(GROQ, BIG)
    here.failed(GROQ, BIG, failure(FailureKind.CREDENTIALS))

    later = SharedCooling(a_process())
    wait_until(lambda: later.cooled(GROQ, SMALL) is not None)
    assert "refused our key" in str(later.cooled(GROQ, SMALL))


def test_single_failures_are_nobody_elses_business(
    redis_server: RedisServer, a_process: MakeProcess
) -> None:
    here, there = SharedCooling(a_process()), SharedCooling(a_process())
    fail(here, 2)
    fail(there, 2)
    fail(here, 1, SMALL)
    here.failed(GROQ, SMALL, failure(FailureKind.CREDENTIALS))  # this one is told
    for cooling in (here, there):
        wait_until(lambda cooling=cooling: cooling.cooled(GROQ, SMALL) is not None)  # type: ignore[misc]
    assert [field.decode() for field in redis_server.client().hkeys(NOTICES)] == [f"{GROQ} "]


def test_without_redis_each_process_cools_for_itself_and_tells_when_it_is_back(
    redis_server: RedisServer, a_process: MakeProcess
) -> None:
    here, there = SharedCooling(a_process()), SharedCooling(a_process())
    there.cooled(GROQ, BIG)
    fail(there, model=SMALL)
    wait_until(lambda: here.cooled(GROQ, SMALL) is not None)
    redis_server.kill()

    fail(here)
    assert here.cooled(GROQ, BIG)
    assert here.cooled(GROQ, SMALL)
    assert there.cooled(GROQ, BIG) is None

    redis_server.start()  # with nothing in it
    wait_until(lambda: there.cooled(GROQ, BIG) is not None)
    later = SharedCooling(a_process())
    wait_until(lambda: later.cooled(GROQ, SMALL) is not None)


def test_a_notice_that_nobody_understands_is_passed_over(
    redis_server: RedisServer, a_process: MakeProcess
) -> None:
    redis_server.client().hset(NOTICES, mapping={f"{GROQ} {BIG}": "from another version"})
    here, there = SharedCooling(a_process()), SharedCooling(a_process())
    there.cooled(GROQ, BIG)
    here.cooled(GROQ, BIG)
    fail(here)
    wait_until(lambda: there.cooled(GROQ, BIG) is not None)


@pytest.fixture
def cache(redis_server: RedisServer, a_process: MakeProcess) -> RedisOrLocalCache:
    found = RedisOrLocalCache(redis_server.url, {}, a_process())
    found.clear()
    return found


def use_all_of(cache: BaseCache) -> None:
    """Everything that a cache can do, as Django's own do it."""
    cache.set("a", {"some": "thing"}, 60)
    assert cache.get("a") == {"some": "thing"}
    assert cache.get("b", "else") == "else"
    assert cache.add("a", 1) is False
    assert cache.add("number", 1) is True
    assert cache.incr("number", 2) == 3
    assert cache.decr("number") == 2
    assert cache.has_key("number")
    assert "b" not in cache
    assert cache.touch("a", 30) is True
    assert cache.get_or_set("c", lambda: 5, 30) == 5
    assert cache.get_many(["a", "b", "c"]) == {"a": {"some": "thing"}, "c": 5}
    cache.set_many({"d": 1, "e": 2}, 30)
    cache.delete_many(["d"])
    assert cache.delete("e") is True
    assert cache.delete("e") is False
    cache.clear()
    assert cache.get("a") is None
    with pytest.raises(ValueError, match="not found"):
        cache.incr("nothing")


def test_the_pages_cache_works_with_redis_without_it_and_with_it_again(
    redis_server: RedisServer, cache: RedisOrLocalCache
) -> None:
    use_all_of(cache)
    cache.set("kept", "in Redis")
    assert redis_server.client().keys("*kept*")

    redis_server.kill()
    use_all_of(cache)

    redis_server.start()
    cache.set("kept", "locally or not")
    assert cache.get("kept") == "locally or not"


def test_sign_ins_are_counted_though_redis_is_away(
    redis_server: RedisServer, cache: RedisOrLocalCache
) -> None:
    redis_server.kill()
    assert [cache.add("tries-of-carol", 1), cache.add("tries-of-carol", 1)] == [True, False]

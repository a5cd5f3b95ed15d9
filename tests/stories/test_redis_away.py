"""Two servers share a Redis; it is killed, and comes back. Nobody's money or answer depends on it.

Real processes and real sockets; on SQLite here, on PostgreSQL through tests/test_postgres.py.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from router_app.gateway.keys import create_key
from router_app.gateway.rates import limit_key
from router_app.models import Call, Provider, User
from tests.gateway.books import assert_clean, assert_nothing_held
from tests.providers.hostile import HostileUpstream
from tests.redis_server import RedisServer, skip_without_redis
from tests.serving.processes import wait_until
from tests.stories.servers import Gunicorn

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PLACES = {
    "/v1/chat/completions": {"model": "auto", "messages": [{"role": "user", "content": "Why?"}]},
    "/route": {"prompt": "Explain quicksort", "budget": 0.01},
}


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    skip_without_redis()
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def servers(alice: User, redis_server: RedisServer, tmp_path: Path) -> Iterator[list[Gunicorn]]:
    with ExitStack() as stack:
        upstream = stack.enter_context(HostileUpstream())
        Provider.objects.filter(slug="demo").update(base_url=upstream.url("answers"))
        sharing = {"TEST_CACHE_URL": redis_server.url}
        yield [stack.enter_context(Gunicorn(tmp_path, **sharing)) for _ in range(2)]


def make_key(user: User, *, per_minute: int | None = None) -> tuple[int, str]:
    """A key's id and its text."""
    row, text = create_key(user=user, name="tests")
    limit_key(row, requests_per_minute=per_minute, concurrent_requests=None)
    return row.pk, text


def ask(servers: list[Gunicorn], key: str, times: int) -> Counter[int]:
    """So many requests at once, over all servers and both addresses: how they were answered."""

    async def story() -> list[httpx.Response]:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(headers=headers, timeout=60) as client:
            places = list(PLACES.items())
            asked = []
            for number in range(times):
                path, body = places[number // 2 % 2]
                url = f"{servers[number % len(servers)].url}{path}"
                asked.append(client.post(url, json=body))
            return await asyncio.gather(*asked)

    return Counter(response.status_code for response in asyncio.run(story()))


def assert_pages_open(server: Gunicorn) -> None:
    """Also those that keep something in the cache, as signing in does."""
    with httpx.Client(base_url=server.url, timeout=30) as browser:
        page = browser.get("/accounts/login/")
        assert page.status_code == 200
        sent = {
            "login": "alice",
            "password": "correct horse battery",
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        }
        assert browser.post("/accounts/login/", data=sent).status_code == 302
        for path in ("/dashboard/", "/keys/"):
            assert browser.get(path).status_code == 200


def test_a_limit_over_two_servers_with_redis_without_it_and_with_it_again(
    alice: User, servers: list[Gunicorn], redis_server: RedisServer
) -> None:
    _, free = make_key(alice)
    _, limited = make_key(alice, per_minute=20)

    # One limit for both servers.
    assert ask(servers, limited, 60) == {200: 20, 429: 40}
    for server in servers:
        assert_pages_open(server)

    # Redis dies under their hands: requests are answered, pages open, the limit is each server's.
    redis_server.kill()
    assert ask(servers, free, 40) == {200: 40}
    for server in servers:
        assert_pages_open(server)
    answered = ask(servers, limited, 60)
    assert set(answered) <= {200, 429}
    assert answered[200] <= 2 * 20

    # It comes back, empty: they find it again by themselves.
    redis_server.start()
    with redis_server.client() as redis:
        probe, probing = make_key(alice, per_minute=1_000)
        for server in servers:
            before = redis.zcard(f"budgetrouter:key:{{{probe}}}:requests")
            wait_until(
                lambda server=server, before=before: (  # type: ignore[misc]
                    ask([server], probing, 1) == {200: 1}
                    and redis.zcard(f"budgetrouter:key:{{{probe}}}:requests") > before
                )
            )
    _, again = make_key(alice, per_minute=10)
    assert ask(servers, again, 40) == {200: 10, 429: 30}

    # And the books know nothing of all that.
    assert_nothing_held()
    assert_clean()
    assert Call.objects.exclude(outcome="answered").count() == 0

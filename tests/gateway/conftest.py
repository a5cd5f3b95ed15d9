"""A Redis for tests of what processes share, and processes' worth of objects around it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router_app.gateway.shared import Shared
from tests.redis_server import RedisServer, skip_without_redis


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own, running and empty."""
    skip_without_redis()
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def a_process(redis_server: RedisServer) -> Iterator[Callable[[], Shared]]:
    """Makes what each of several processes would have: its own view of the Redis."""
    made: list[Shared] = []

    def make() -> Shared:
        made.append(Shared(redis_server.url))
        return made[-1]

    yield make
    for shared in made:
        shared.close()

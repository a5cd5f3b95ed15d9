"""Batches of the writer; a Redis for what processes share, and objects around it for several."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router_app.gateway.shared import Shared
from tests.gateway.batching import Batch
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


@pytest.fixture
def batches() -> Iterator[list[Batch]]:
    """Those that a test makes; their writers end with it."""
    made: list[Batch] = []
    yield made
    for batch in made:
        batch.stop()

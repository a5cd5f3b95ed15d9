"""A new user's first requests, hundreds at once over two servers: no window is there yet.

Real processes and real sockets; on SQLite here, on PostgreSQL through tests/test_postgres.py.
FIRST_REQUESTS_LOOPS=20 does it twenty times, each with somebody new.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from router_app.budgets.limits import create_starting_budget
from router_app.gateway.keys import create_key
from router_app.models import Budget, Call, User, Window
from tests.gateway.books import assert_clean, assert_nothing_held
from tests.providers.hostile import HostileUpstream
from tests.stories.parallel import Answered, Burst, askings, ceiling, statuses
from tests.stories.servers import Gunicorn

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

LOOPS = int(os.environ.get("FIRST_REQUESTS_LOOPS", "1"))
COUNT, ROOM = 500, 10


@pytest.fixture
def urls(upstream: HostileUpstream, tmp_path: Path) -> Iterator[list[str]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Gunicorn(tmp_path)).url for _ in range(2)]


def newcomer(name: str, limit_nanos: int) -> tuple[User, dict[str, str]]:
    """Somebody who has never asked, and the header of their key."""
    user = User.objects.create_user(name, f"{name}@example.org", "correct horse battery")
    create_starting_budget(user)
    Budget.objects.filter(user=user).update(limit_nanos=limit_nanos)
    return user, {"Authorization": f"Bearer {create_key(user=user, name='tests')[1]}"}


async def ask(
    upstream: HostileUpstream, urls: list[str], headers: dict[str, str]
) -> list[Answered]:
    """Nobody gets an answer before everybody else has been refused."""
    burst, before = Burst(askings(urls, headers, COUNT)), len(upstream.received)
    asked = asyncio.create_task(burst.run())
    await upstream.eventually(lambda: len(burst.answers) == COUNT - ROOM, 60)
    await upstream.eventually(lambda: len(upstream.received) == before + ROOM, 60)
    upstream.let_go()
    return await asked


@pytest.mark.timeout(120 + 60 * LOOPS)
def test_five_hundred_first_requests(
    alice: User, upstream: HostileUpstream, urls: list[str]
) -> None:
    price = ceiling(alice)
    for loop in range(1, LOOPS + 1):
        user, headers = newcomer(f"newcomer-{loop}", ROOM * price + price // 2)
        assert not Window.objects.filter(budget__user=user).exists()
        upstream.hold()

        answers = asyncio.run(ask(upstream, urls, headers))

        assert statuses(answers) == {200: ROOM, 402: COUNT - ROOM}
        assert len(upstream.received) == loop * ROOM
        window, calls = Window.objects.get(budget__user=user), Call.objects.filter(user=user)
        assert window.reserved_nanos == window.overage_nanos == 0
        assert window.spent_nanos == sum(call.cost_nanos for call in calls)
        assert [call.outcome for call in calls] == ["answered"] * ROOM
        assert_nothing_held()
        assert_clean()

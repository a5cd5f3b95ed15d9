"""Two servers, one database: as exact as one, though one is killed in the middle.

Real processes and real sockets; on SQLite here, on PostgreSQL through tests/test_postgres.py.
"""

import asyncio
import random
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from router_app.budgets.limits import create_budget, set_limit
from router_app.gateway.keys import create_key
from router_app.models import Budget, Call, Period, Reservation, User, Window
from tests.gateway.books import assert_clean, assert_nothing_held
from tests.providers.hostile import HostileUpstream
from tests.serving.processes import wait_until
from tests.stories.parallel import Answered, Burst, askings, ceiling, statuses
from tests.stories.servers import Gunicorn

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

COUNT, ROOM = 500, 10
PEOPLE, ROUNDS = 15, 4
# A call may take so long, and its hold outlives it by so much.
SHORT = {"CALL_TOTAL_SECONDS": "15", "TEST_LEASE_MARGIN_SECONDS": "1"}


@pytest.fixture
def servers(upstream: HostileUpstream, tmp_path: Path) -> Iterator[list[Gunicorn]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Gunicorn(tmp_path, **SHORT)) for _ in range(2)]


def still_open() -> int:
    return Reservation.objects.filter(state__in=Reservation.OPEN_STATES).count()


def test_one_of_two_is_killed_in_the_middle(
    alice: User, upstream: HostileUpstream, servers: list[Gunicorn], headers: dict[str, str]
) -> None:
    urls = [server.url for server in servers]
    held = ROOM * ceiling(alice)
    set_limit(Budget.objects.get(), limit_nanos=held, now=timezone.now())
    upstream.hold()

    async def story() -> list[Answered]:
        # Each has calls under way, whoever is quicker then.
        first = asyncio.create_task(Burst(askings(urls, headers, 6)).run())
        await upstream.eventually(lambda: len(upstream.received) == 6, 60)
        burst = Burst(askings(urls, headers, COUNT))
        asked = asyncio.create_task(burst.run())
        await upstream.eventually(lambda: len(burst.answers) == COUNT - 4, 60)
        storm = asyncio.create_task(Burst(askings(urls, headers, 100)).run())
        await asyncio.sleep(0.02)
        servers[0].kill()
        await asyncio.to_thread(servers[0].start)
        refused = await storm
        upstream.let_go()
        return [*await first, *await asked, *refused]

    counted = statuses(asyncio.run(story()))

    # What the killed server was answering broke; nobody was let in that there was no room for.
    assert len(upstream.received) == ROOM
    assert set(counted) == {0, 200, 402}
    lost = still_open()
    assert lost >= 3 and counted[200] == ROOM - lost >= 3
    assert Call.objects.filter(outcome="answered").count() == counted[200]
    assert_clean()

    # When their lease is over they are booked in full, once, whoever asks next.
    def all_closed() -> bool:
        asyncio.run(Burst(askings(urls, headers, 8)).run())
        return not still_open()

    wait_until(all_closed, 60)
    assert Call.objects.filter(outcome="presumed").count() == lost
    [window] = Window.objects.all()
    assert window.spent_nanos == sum(call.cost_nanos for call in Call.objects.all()) <= held
    assert window.overage_nanos == 0
    assert_nothing_held()
    assert_clean()


def test_several_budgets_at_once(
    alice: User, upstream: HostileUpstream, servers: list[Gunicorn], headers: dict[str, str]
) -> None:
    urls = [server.url for server in servers]
    price = ceiling(alice)
    set_limit(Budget.objects.get(), limit_nanos=ROOM * price, now=timezone.now())
    rooms = {"code": 6, "email": 8}
    for task, room in rooms.items():
        create_budget(user=alice, period=Period.DAY, limit_nanos=room * price, task_type=task)
    upstream.hold()

    async def story() -> list[Answered]:
        burst = Burst(askings(urls, headers, COUNT, tasks=list(rooms)))
        asked = asyncio.create_task(burst.run())
        await upstream.eventually(lambda: len(burst.answers) == COUNT - ROOM, 60)
        upstream.let_go()
        return await asked

    answers = asyncio.run(story())

    assert statuses(answers) == {200: ROOM, 402: COUNT - ROOM}
    by_task = {task: Call.objects.filter(task_type=task).count() for task in rooms}
    assert all(by_task[task] <= room for task, room in rooms.items())
    assert sum(by_task.values()) == ROOM
    assert_nothing_held()
    assert_clean()


def test_many_people_at_once_never_meet_in_a_deadlock(
    alice: User, upstream: HostileUpstream, servers: list[Gunicorn], headers: dict[str, str]
) -> None:
    """Batches hold and close in many windows, in different orders at the two servers."""
    urls = [server.url for server in servers]
    tasks = ("code", "email")
    people = [headers, *(somebody(f"user-{number}", tasks) for number in range(PEOPLE))]

    async def story() -> list[Answered]:
        answers: list[Answered] = []
        for _ in range(ROUNDS):
            asked = [each for who in people for each in askings(urls, who, 16, tasks=tasks)]
            answers += await Burst(random.sample(asked, len(asked))).run()
        return answers

    assert statuses(asyncio.run(story())) == {200: ROUNDS * 16 * len(people)}
    assert_nothing_held()
    assert_clean()
    for server in servers:
        server.terminate()
        assert '"level": "error"' not in server.log
    if connection.vendor == "postgresql":
        assert deadlocks() == 0


def somebody(name: str, tasks: Iterable[str]) -> dict[str, str]:
    """A person with a budget for each task and none for all; the header of their key."""
    user = User.objects.create_user(name, f"{name}@example.org", "correct horse battery")
    for task in tasks:
        create_budget(user=user, period=Period.TOTAL, limit_nanos=10**12, task_type=task)
    return {"Authorization": f"Bearer {create_key(user=user, name='tests')[1]}"}


def deadlocks() -> int:
    """How many PostgreSQL has had to end in this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])

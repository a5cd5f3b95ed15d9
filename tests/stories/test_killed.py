"""kill -9 while answers are being written: a real server process, a real socket, the same books."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from router_app.gateway import expiry
from router_app.models import Call, Provider, Reservation, User, Window
from tests.gateway.books import assert_clean, assert_nothing_held
from tests.providers.hostile import HostileUpstream

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parent.parent.parent
COUNT = 20

# A process that asks many times at once and would wait for the answers for ever.
ASKING = """
import asyncio, django
django.setup()
from router_app.gateway import service
from router_app.models import User
from tests.gateway.asking import a_request

async def main():
    alice = await User.objects.aget(username="alice")
    runs = [await service.start(a_request(alice, max_tokens=50)) for _ in range({count})]
    await asyncio.gather(*(run.finished() for run in runs))

asyncio.run(main())
"""


@pytest.fixture
def upstream() -> Iterator[HostileUpstream]:
    with HostileUpstream() as server:
        yield server


def _database_url() -> str:
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user, host, port = database["USER"], database["HOST"], database["PORT"] or 5432
    return f"postgres://{user}@{host}:{port}/{database['NAME']}"


def test_server_killed_midway_and_restarted(alice: User, upstream: HostileUpstream) -> None:
    Provider.objects.filter(slug="demo").update(base_url=upstream.url("answers"))
    upstream.hold()
    process = subprocess.Popen(
        [sys.executable, "-c", ASKING.format(count=COUNT)],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TEST_DATABASE_URL": _database_url(),
        },
    )
    try:
        # All of them are at the provider, which answers none.
        upstream.wait_until(lambda: len(upstream.received) == COUNT, seconds=30)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    upstream.let_go()

    # Before anything is repaired the books already say which calls may be billed.
    sent = Reservation.objects.filter(state=Reservation.State.SENT)
    assert sent.count() == COUNT
    held = Window.objects.get().reserved_nanos
    assert held == sum(row.amount_nanos for row in sent)
    assert_clean()

    # Within the lease nothing is given back; after it each is presumed, once.
    assert expiry.expire_overdue(now=timezone.now()) == (0, 0)
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        assert expiry.expire_overdue(now=timezone.now()) == (COUNT, 0)
        assert expiry.expire_overdue(now=timezone.now()) == (0, 0)
        assert_nothing_held()
        assert_clean()
    assert Window.objects.get().spent_nanos == held
    assert Call.objects.filter(outcome="presumed").count() == COUNT

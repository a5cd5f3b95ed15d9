"""The database is locked, gone or silent under a running server, and comes back.

Real processes and real sockets; on SQLite here, on PostgreSQL through tests/test_postgres.py, with
the product's own settings of each.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from django.db import connection
from django.test import Client

from router_app.models import Call, Reservation, User
from tests.between import Between
from tests.gateway.books import assert_clean, assert_nothing_held
from tests.providers.hostile import HostileUpstream
from tests.serving.processes import family, wait_until
from tests.stories.parallel import Answered, Burst, askings, statuses
from tests.stories.servers import Gunicorn, database_url

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
on_sqlite = pytest.mark.skipif(
    "postgres" in os.environ.get("TEST_DATABASE_URL", ""), reason="this run is on PostgreSQL"
)
on_postgresql = pytest.mark.skipif(
    "postgres" not in os.environ.get("TEST_DATABASE_URL", ""),
    reason="this run is on SQLite; tests/test_postgres.py runs it",
)

PRODUCTS_OWN = {"DJANGO_SETTINGS_MODULE": "tests.browser.settings", "ENV_FILE": os.devnull}
COUNT = 60
SPARE_THREADS = min(32, (os.cpu_count() or 1) + 4)  # which Python keeps once they were needed


@contextmanager
def serving(folder: Path, url: str) -> Iterator[Gunicorn]:
    """A server with the product's own way to use its database."""
    environment = {**PRODUCTS_OWN, "SECRET_KEY": "tests-only", "DATABASE_URL": url}
    with Gunicorn(folder, **environment) as server:
        yield server


@pytest.fixture
def page(alice: User) -> Callable[[Gunicorn], int]:
    """The status of a page that alice opens."""
    browser = Client()
    browser.force_login(alice)
    cookies = {"sessionid": browser.cookies["sessionid"].value}

    def open_it(server: Gunicorn) -> int:
        return httpx.get(f"{server.url}/dashboard/", cookies=cookies, timeout=60).status_code

    return open_it


def ask(server: Gunicorn, headers: dict[str, str], count: int = COUNT) -> list[Answered]:
    return asyncio.run(Burst(askings([server.url], headers, count)).run())


def threads(server: Gunicorn) -> int:
    """Of the server and its worker."""
    return sum(len(os.listdir(f"/proc/{pid}/task")) for pid in family(server.pid))


def assert_refused(answers: list[Answered]) -> None:
    """Each with a 503 that says when to come back."""
    assert statuses(answers) == {503: len(answers)}
    assert {answer.code for answer in answers} == {"unavailable"}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)


def recovers(server: Gunicorn, headers: dict[str, str], page: Callable[[Gunicorn], int]) -> None:
    """Everything works again by itself, and the books know of what was answered only."""
    wait_until(lambda: statuses(ask(server, headers, 2)) == {200: 2}, 60)
    assert statuses(ask(server, headers)) == {200: COUNT}
    wait_until(lambda: page(server) == 200)
    wait_until(lambda: httpx.get(f"{server.url}/ready").status_code == 200)
    assert set(Call.objects.values_list("outcome", flat=True)) == {"answered"}
    assert Reservation.objects.count() == Call.objects.count()
    assert_nothing_held()
    assert_clean()


@on_sqlite
def test_a_sqlite_that_somebody_else_has_locked(
    upstream: HostileUpstream,
    headers: dict[str, str],
    page: Callable[[Gunicorn], int],
    tmp_path: Path,
) -> None:
    with serving(tmp_path, database_url()) as server:
        assert statuses(ask(server, headers)) == {200: COUNT}
        assert page(server) == 200
        before, sent = threads(server), len(upstream.received)

        with sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            assert_refused(ask(server, headers))
            assert httpx.get(f"{server.url}/ready").status_code == 503
            assert page(server) == 200, "pages only read"
            other.execute("ROLLBACK")
        other.close()

        assert len(upstream.received) == sent
        recovers(server, headers, page)
        wait_until(lambda: threads(server) <= before + SPARE_THREADS)


@on_postgresql
@pytest.mark.parametrize("trouble", ["cut", "hang"])
def test_a_postgresql_that_is_away(
    upstream: HostileUpstream,
    headers: dict[str, str],
    page: Callable[[Gunicorn], int],
    tmp_path: Path,
    trouble: str,
) -> None:
    told = connection.settings_dict
    with ExitStack() as stack:
        line = stack.enter_context(Between(told["HOST"], int(told["PORT"] or 5432)))
        url = f"postgres://{told['USER']}@127.0.0.1:{line.port}/{told['NAME']}"
        server = stack.enter_context(serving(tmp_path, url))
        assert statuses(ask(server, headers)) == {200: COUNT}
        assert page(server) == 200
        before, sent = threads(server), len(upstream.received)

        getattr(line, trouble)()
        assert_refused(ask(server, headers))
        assert httpx.get(f"{server.url}/ready").status_code == 503
        assert httpx.get(f"{server.url}/health").status_code == 200
        if trouble == "cut":
            assert page(server) == 503
        assert len(upstream.received) == sent

        line.heal()
        recovers(server, headers, page)
        wait_until(lambda: threads(server) <= before + SPARE_THREADS)

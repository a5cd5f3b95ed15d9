"""Fixtures that many tests share: a database of one's own, the cast, the writer thread's end."""

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from router_app.catalog import snapshot
from router_app.catalog.seed import load_catalog
from router_app.gateway import engine, keys
from router_app.gateway.access import access
from router_app.gateway.cooling import cooling
from router_app.models import User
from router_app.providers.registry import use_provider
from router_app.providers.scripted import ScriptedProvider


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that in the end no worker waits for another."""
    items.sort(
        key=lambda item: (
            item.get_closest_marker("postgres") is None,
            item.get_closest_marker("slow") is None,
        )
    )


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    tmp_path_factory: pytest.TempPathFactory, worker_id_or_main: str
) -> None:
    """Give every test run (and every xdist worker) a database of its own."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(
            tmp_path_factory.mktemp("db") / "test.sqlite3"
        )
    else:
        import os

        name = f"test_budgetrouter_{os.getpid()}_{worker_id_or_main}"
        database.setdefault("TEST", {})["NAME"] = name


@pytest.fixture(scope="session")
def worker_id_or_main(request: pytest.FixtureRequest) -> str:
    """xdist's worker name, or "main" without xdist."""
    config = getattr(request.config, "workerinput", {})
    return str(config.get("workerid", "main"))


@pytest.fixture(scope="session", autouse=True)
def _writer_ends_before_the_database(django_db_setup: None) -> Iterator[None]:
    """The writer's connection must be gone when the test database is dropped."""
    yield
    engine.finish()


@pytest.fixture(autouse=True)
def _nothing_remembered(settings: object, tmp_path: Path) -> Iterator[None]:
    """No test sees another's catalogue, cooled models, request log or running answers."""
    settings.REQUEST_LOG_PATH = tmp_path / "requests.jsonl"  # type: ignore[attr-defined]
    snapshot.forget()
    cooling.__init__()  # type: ignore[misc]
    yield
    asyncio.run(engine.wait_for_runs(10))
    snapshot.forget()
    access.forget()
    keys.forget()
    engine._closes_at = math.inf  # a test may have ended a server in this process


@pytest.fixture
def catalog(request: pytest.FixtureRequest) -> None:
    """The catalogue of a new installation, with the demo provider in use."""
    if "transactional_db" not in request.fixturenames:
        request.getfixturevalue("db")
    load_catalog()


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    """Serves every model in this process: script it, then look at its calls and its bill."""
    scripted = ScriptedProvider()
    with use_provider(scripted):
        yield scripted
        asyncio.run(engine.wait_for_runs(10))


@pytest.fixture
def alice(transactional_db: None, catalog: None) -> User:
    """A person with the monthly limit that new accounts have ($5)."""
    from router_app.budgets.limits import create_starting_budget

    user = User.objects.create_user("alice", "alice@example.org", "correct horse battery")
    create_starting_budget(user)
    return user

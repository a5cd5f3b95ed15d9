"""Fixtures that many tests share: a database of one's own, the cast, the writer thread's end."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory, worker_id_or_main: str) -> None:
    """Give every test run (and every xdist worker) a database of its own."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("db") / "test.sqlite3")
    else:
        import os

        name = f"test_budgetrouter_{os.getpid()}_{worker_id_or_main}"
        database.setdefault("TEST", {})["NAME"] = name


@pytest.fixture(scope="session")
def worker_id_or_main(request: pytest.FixtureRequest) -> str:
    """xdist's worker name, or "main" without xdist."""
    config = getattr(request.config, "workerinput", {})
    return str(config.get("workerid", "main"))

"""The ledger, the gateway and the stories once more, on PostgreSQL where one answers."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

URL = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
ROOT = Path(__file__).parent.parent
AGAIN = [
    "tests/models",
    "tests/analytics",
    "tests/alerts",
    "tests/bills",
    "tests/budgets",
    "tests/workspaces",
    "tests/gateway",
    "tests/stories",
    "tests/api/v1",
]


def _why_not() -> str:
    try:
        psycopg.connect(URL, connect_timeout=2).close()
    except psycopg.Error as error:
        return f"no PostgreSQL answers at localhost ({type(error).__name__})"
    return ""


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_money_path_on_postgresql() -> None:
    if os.environ.get("TEST_DATABASE_URL"):
        pytest.skip("this run is on another database already")
    if reason := _why_not():
        pytest.skip(reason)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *AGAIN],
        cwd=ROOT,
        env={**os.environ, "TEST_DATABASE_URL": URL},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]

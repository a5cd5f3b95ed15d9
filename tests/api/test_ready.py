"""`GET /ready`: says what is wrong, never hangs, and does no harm."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from router_app.gateway import engine, watching
from router_app.gateway import writer as writer_module
from router_app.gateway.watching import Watch
from router_app.gateway.writer import writer
from router_app.models import CatalogRevision, Price, User
from tests.api.conftest import CLIENT
from tests.factories import make_call

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 10  # more than anything here takes


@pytest.fixture(autouse=True)
def _nothing_seen() -> Iterator[None]:
    for watch in (watching.database, watching.writing):
        watch.forget()
    yield
    for watch in (watching.database, watching.writing):
        watch.forget()


def ready(status: int) -> dict[str, Any]:
    """What it says, once it has answered with this status."""
    answer = CLIENT.get("/ready")
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert body["status"] == ("ready" if status == 200 else "not_ready")
    checks: dict[str, Any] = body["checks"]
    return checks


def test_a_server_that_is_well(alice: User) -> None:
    assert ready(200) == {
        "database": {"status": "ok"},
        "writer": {"status": "ok", "waiting": 0},
        "request_log": {"status": "ok", "pending": 0, "oldest_seconds": 0},
        "prices": {"status": "ok", "models_without_price": 0},
        "shutting_down": False,
    }


def test_lines_that_wait_long_are_a_warning(alice: User) -> None:
    make_call(alice, at=timezone.now() - timedelta(minutes=5))
    log = ready(200)["request_log"]
    assert (log["status"], log["pending"]) == ("warning", 1)
    assert log["oldest_seconds"] >= 290


def test_models_without_a_price_are_a_warning_and_not_named(alice: User) -> None:
    Price.objects.filter(model__model_id="openai/gpt-oss-20b").delete()
    CatalogRevision.bump()
    assert ready(200)["prices"] == {"status": "warning", "models_without_price": 1}


def test_without_the_database_it_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> watching.Stored:
        raise OperationalError("connection to 10.0.0.7 with password hidden failed")

    monkeypatch.setattr(watching.database, "_look", away)
    checks = ready(503)
    assert checks["database"] == {"status": "failed"}
    assert checks["request_log"] == {"status": "unknown", "pending": None, "oldest_seconds": None}
    assert checks["prices"] == {"status": "unknown", "models_without_price": None}


def test_a_database_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go, looks = threading.Event(), []

    def hangs() -> watching.Stored:
        looks.append(1)
        assert let_go.wait(SECONDS)
        return watching._look_into_database()

    monkeypatch.setattr(watching.database, "_look", hangs)
    monkeypatch.setattr(watching.database, "patience_seconds", 0.05)
    try:
        for _ in range(5):
            assert ready(503)["database"] == {"status": "failed"}
        assert len(looks) == 1, "nobody else is sent after the one who hangs"
    finally:
        let_go.set()
        settle(watching.database)
    watching.database.patience_seconds = SECONDS
    assert ready(200)["database"] == {"status": "ok"}


class TestWriter:
    @pytest.fixture
    def let_go(self) -> Iterator[Callable[[], None]]:
        """The writer's thread stands still until this is called."""
        stands, go = threading.Event(), threading.Event()

        def stand_still() -> None:
            stands.set()
            assert go.wait(SECONDS)

        writer.submit(stand_still)
        assert stands.wait(SECONDS)
        yield go.set
        go.set()
        settle(watching.writing)

    def test_one_that_is_stuck_is_not_ready(
        self, let_go: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watching.writing, "patience_seconds", 0.05)
        checks = ready(503)
        assert checks["writer"] == {"status": "failed", "waiting": 1}
        assert checks["database"] == {"status": "ok"}

        let_go()
        settle(watching.writing)
        watching.writing.patience_seconds = SECONDS
        assert ready(200)["writer"] == {"status": "ok", "waiting": 0}

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="locks the whole file")
    def test_one_that_gets_no_lock_is_not_ready(
        self, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watching.writing, "patience_seconds", 0.05)
        with closing(sqlite3.connect(connection.settings_dict["NAME"])) as stranger:
            stranger.execute("BEGIN IMMEDIATE")
            checks = ready(503)
            assert checks["writer"]["status"] == "failed"
            assert checks["database"] == {"status": "ok"}
            stranger.rollback()
        settle(watching.writing)
        watching.writing.patience_seconds = SECONDS
        assert ready(200)["writer"]["status"] == "ok"

    def test_one_whose_line_is_full_is_not_ready(
        self, let_go: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(writer_module, "MAX_WAITING", 3)
        for _ in range(3):
            writer.submit(lambda: None)
        assert ready(503)["writer"] == {"status": "failed", "waiting": 3}


def test_a_server_that_shuts_down_takes_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "is_leaving", lambda: True)
    assert ready(503)["shutting_down"] is True
    assert CLIENT.get("/health").status_code == 200, "the process still answers"


def test_many_who_ask_cost_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr(watching, "FRESH_SECONDS", 60.0)
    real = watching.database._look
    monkeypatch.setattr(watching.database, "_look", lambda: looks.append(1) or real())
    for _ in range(20):
        ready(200)
    assert len(looks) == 1


def test_what_was_seen_does_not_stay_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "FRESH_SECONDS", 0.0)
    seen = iter([True, False])
    monkeypatch.setattr(watching, "writing", Watch("test", lambda: next(seen)))
    assert ready(200)["writer"]["status"] == "ok"
    assert ready(503)["writer"]["status"] == "failed"


def test_it_is_told_once_that_something_fails_and_once_that_it_is_over(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "FRESH_SECONDS", 0.0)
    real, well = watching.database._look, False

    def look() -> watching.Stored:
        if not well:
            raise OperationalError("password hidden")
        return real()

    monkeypatch.setattr(watching.database, "_look", look)
    for _ in range(3):
        ready(503)
    well = True
    for _ in range(3):
        ready(200)
    assert [record.getMessage() for record in caplog.records] == [
        "the database does not answer: OperationalError",
        "the database answers again",
    ]


def settle(watch: Watch[Any]) -> None:
    """Wait for a look that is under way."""
    if watch._seen is not None:
        wait([watch._seen], SECONDS)
    watch.forget()

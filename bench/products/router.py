"""Budget Router as its user runs it: gunicorn with one worker, and nothing switched off.

A fresh database with SQLite's `synchronous=FULL`, the starting catalogue with the fake upstream in
place of the models, a person with a monthly budget and a key with limits; journal, request rows and
request log are written.
"""

import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.processes import DidNotStart, Service
from bench.products.base import (
    MAX_TOKENS,
    PROMPT,
    ROOT,
    START_SECONDS,
    Absent,
    HttpServer,
    Surroundings,
    answers,
    chat_body,
    free_port,
    load_command,
    neutral_environment,
    status_of,
)
from bench.products.setting_up import set_up
from bench.works import Work

GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "python:budgetrouter.serving.gunicorn_conf"]
POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"
V1 = "/v1/chat/completions"
ROUTE_BODY = {"task_type": "general", "quality": "medium", "budget": 0.05}
REDIS = "redis://127.0.0.1:6379/9"


@dataclass(frozen=True, slots=True)
class Router:
    """See Product."""

    name: str = "router"
    title: str = "Budget Router"
    postgres: str = ""  # URL of a server on which a database may be made
    redis: str = ""

    def install(self) -> str:
        """It is here already."""
        if self.postgres:
            from bench.products import databases

            databases.check(self.postgres)
        return ""

    def start(self, place: Surroundings) -> "RouterServer":
        """See Product."""
        port, database = free_port(), self._database(place.folder)
        env = environment(place, port, database.url, self.redis)
        try:
            key = set_up("bench.products.prepare_router", env, place.folder / "prepare.log")
            service = Service(
                GUNICORN, env=env, log=place.folder / "server.log", cwd=ROOT, cores=place.cores
            )
            server = RouterServer(
                f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {key}"}, service=service
            )
            server.database = database
            server.wait_for_a_face()
        except BaseException:
            database.drop()
            raise
        return server

    def _database(self, folder: Path) -> "Database":
        if not self.postgres:
            return Database(f"sqlite:///{folder / 'budgetrouter.sqlite3'}")
        return PostgresDatabase.made(self.postgres)


def environment(place: Surroundings, port: int, database: str, redis: str = "") -> dict[str, str]:
    """Every setting that is not the default."""
    return {
        **neutral_environment(),
        "ENV_FILE": "/dev/null",
        "DJANGO_SETTINGS_MODULE": "budgetrouter.settings",
        "SECRET_KEY": "only-for-the-benchmark",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "DATABASE_URL": database,
        "DEMO_BASE_URL": place.upstream,
        "REQUEST_LOG_PATH": str(place.folder / "requests.jsonl"),
        "NEW_ACCOUNT_MONTHLY_USD": "1000000",
        **({"CACHE_URL": redis} if redis else {}),
    }


@dataclass(slots=True)
class Database:
    """A database of its own; SQLite's goes with its folder."""

    url: str

    def drop(self) -> None:
        """Remove it."""


@dataclass(slots=True)
class PostgresDatabase(Database):
    """One that was made on a running server."""

    server: str = ""
    name: str = ""

    @classmethod
    def made(cls, server: str) -> "PostgresDatabase":
        """A new one."""
        from bench.products import databases

        name = f"bench_{uuid.uuid4().hex[:12]}"
        return cls(databases.create(server, name), server, name)

    def drop(self) -> None:
        """See Database."""
        from bench.products import databases

        databases.drop(self.server, self.name)


@dataclass(slots=True)
class RouterServer(HttpServer):
    """Asked through /v1 where that is there, else through POST /route."""

    model: str = "auto"
    through: str = V1
    database: Database = field(default_factory=lambda: Database(""))

    def wait_for_a_face(self) -> None:
        """Until one of the faces gives the right answer."""
        assert self.service is not None
        try:
            self.start_seconds = self.service.wait_until(self._answers, START_SECONDS)
        except DidNotStart:
            self.service.stop()
            raise

    def command(self, work: Work) -> list[str]:
        """See Server."""
        if self.through == "/route" and work.streamed:
            raise Absent("POST /route does not stream")
        body = self._body(streamed=work.streamed)
        return load_command(self.url + self.through, self.headers, body, work)

    def stop(self) -> None:
        """See Server."""
        if self.service is not None:
            self.service.stop()
        self.database.drop()

    def _body(self, *, streamed: bool = False) -> Mapping[str, Any]:
        if self.through == "/route":
            return {**ROUTE_BODY, "prompt": PROMPT, "max_tokens": MAX_TOKENS}
        return chat_body(self.model, streamed=streamed)

    def _answers(self) -> bool:
        url = self.url + self.through
        if self.through == V1 and status_of(url, self.headers, self._body())[0] == 404:
            self.through = "/route"
        return answers(self.url + self.through, self.headers, self._body())

"""Budget Router as its user runs it: gunicorn with one worker, and nothing switched off.

A fresh database with SQLite's `synchronous=FULL`, the starting catalogue with the fake upstream in
place of the models, a person with a monthly budget and a key with limits; journal, request rows and
request log are written.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.processes import Service
from bench.products import databases
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
from bench.products.databases import Database
from bench.products.setting_up import set_up
from bench.works import Work

GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "python:budgetrouter.serving.gunicorn_conf"]
POSTGRES = os.environ.get("BENCH_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/9")
V1, ROUTE = "/v1/chat/completions", "/route"
ROUTE_BODY = {"task_type": "general", "quality": "medium", "budget": 0.05}


@dataclass(frozen=True, slots=True)
class Router:
    """See Product."""

    name: str = "router"
    title: str = "Budget Router"
    postgres: str = ""  # URL of a server on which a database may be made
    redis: str = ""
    filled: bool = False  # on a database that holds a million calls

    def install(self) -> str:
        """It is here already; what it needs beside it is looked for."""
        if self.postgres:
            databases.check_postgres(self.postgres)
        if self.redis:
            databases.check_redis(self.redis)
        if self.filled:
            databases.make_filled()
        return ""

    def start(self, place: Surroundings) -> "RouterServer":
        """See Product."""
        port, database = free_port(), self._database(place.folder)
        env = environment(place, port, database.url, self.redis)
        try:
            key = set_up("bench.products.prepare_router", env, place.folder / "prepare.log")
            log = place.folder / "server.log"
            service = Service(GUNICORN, env=env, log=log, cwd=ROOT, cores=place.cores)
            headers = {"Authorization": f"Bearer {key}"}
            server = RouterServer(
                f"http://127.0.0.1:{port}", headers, service=service, database=database
            )
            server.wait()
        except BaseException:
            database.drop()
            raise
        return server

    def _database(self, folder: Path) -> Database:
        if self.filled:
            return databases.filled()
        if self.postgres:
            return databases.on_postgres(self.postgres)
        return databases.on_sqlite(folder)


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
        **({"CACHE_URL": redis} if redis else {}),
    }


@dataclass(slots=True)
class RouterServer(HttpServer):
    """Asked through /v1 where that is there, else through POST /route."""

    model: str = "auto"
    face: str = V1
    database: Database = field(default_factory=lambda: Database(""))

    def wait(self) -> None:
        """Until it gives the right answer, and note how long that took."""
        assert self.service is not None
        try:
            self.start_seconds = self.service.wait_until(self._answers, START_SECONDS)
        except BaseException:
            self.service.stop()
            raise

    def command(self, work: Work) -> list[str]:
        """See Server."""
        if self.face == ROUTE and work.streamed:
            raise Absent("POST /route does not stream")
        body = self._body(streamed=work.streamed)
        return load_command(self.url + self.face, self.headers, body, work)

    def stop(self) -> None:
        """See Server."""
        if self.service is not None:
            self.service.stop()
        self.database.drop()

    def _body(self, *, streamed: bool = False) -> Mapping[str, Any]:
        if self.face == ROUTE:
            return {**ROUTE_BODY, "prompt": PROMPT, "max_tokens": MAX_TOKENS}
        return chat_body(self.model, streamed=streamed)

    def _answers(self) -> bool:
        url = self.url + self.face
        if self.face == V1 and status_of(url, self.headers, self._body())[0] == 404:
            self.face = ROUTE
        return answers(self.url + self.face, self.headers, self._body())

"""Several workers say the same: each request counts once, whoever is asked and whoever has died."""

import os
import signal
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from router_app.models import User
from tests.serving.processes import family, is_running, wait_until
from tests.stories.servers import Gunicorn

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
REQUESTS = 40
TOKEN = "scraper-7f3k"


def ask(url: str, **headers: str) -> httpx.Response:
    answer = httpx.get(url, headers=headers, timeout=60)
    assert answer.status_code == 200
    return answer


def counted(url: str) -> float:
    """How many requests for the schema all workers together say they answered."""
    answer = ask(f"{url}/metrics", Authorization=f"Bearer {TOKEN}")
    return sum(
        sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == "http_server_request_duration_seconds_count"
        and sample.labels["http_route"] == "/openapi.json"
    )


def test_numbers_over_workers_that_come_and_go(alice: User, tmp_path: Path) -> None:
    folder = tmp_path / "numbers"
    folder.mkdir()
    environment = {"WEB_CONCURRENCY": "2", "METRICS_TOKEN": TOKEN, "TMPDIR": str(folder)}
    with Gunicorn(tmp_path, **environment) as server:
        assert server._process is not None
        parent = server._process.pid
        wait_until(lambda: len(family(parent)) == 3)
        for _ in range(REQUESTS):  # each on a connection of its own: both workers get some
            ask(f"{server.url}/openapi.json")

        said = [0.0]

        def all_are_counted() -> bool:
            said.append(counted(server.url))
            return said[-1] == REQUESTS

        wait_until(all_are_counted)
        for worker in family(parent) - {parent}:
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda gone=worker: not is_running(gone) and len(family(parent)) == 3)
            said += [counted(server.url) for _ in range(4)]

        assert said == sorted(said), "a number that falls is taken for a restart"
        assert said[-1] == REQUESTS
        assert ask(f"{server.url}/ready").json()["status"] == "ready"
        assert list(folder.iterdir())
        server.terminate()
    assert not list(folder.iterdir())

"""`manage.py serve` as a person meets it: one process to start, nothing left when it ends."""

import os
import re
import shlex
import signal
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import httpx
import pytest

from budgetrouter.serving import stand_in
from tests.serving.processes import family, is_running, parent_of, wait_until
from tests.serving.served import Served, free_port
from tests.serving.upstream import Upstream

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
embedded = [
    pytest.mark.embedded,
    pytest.mark.skipif(
        not stand_in.is_installed(), reason="the wheels of requirements-demo.txt are not installed"
    ),
]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A fresh installation of its own beside this one: database, request log, port."""
    ours = {"GROQ_API_KEY", "DEMO_BASE_URL", "DEMO_API_KEY", "DJANGO_SETTINGS_MODULE"}
    return {
        **{name: value for name, value in os.environ.items() if name not in ours},
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "tests-only",
        "DATABASE_URL": f"sqlite:///{tmp_path}/budgetrouter.sqlite3",
        "REQUEST_LOG_PATH": str(tmp_path / "requests.jsonl"),
        "PORT": str(free_port()),
    }


@pytest.fixture
def keyed(environment: dict[str, str]) -> dict[str, str]:
    """With a key of Groq's, and a Groq that nobody reaches."""
    return {
        **environment,
        "GROQ_API_KEY": "gsk-tests-only",
        "GROQ_BASE_URL": "http://127.0.0.1:9/openai/v1",
    }


@pytest.fixture
def serve() -> Iterator[Callable[[dict[str, str]], Served]]:
    started: list[Served] = []

    def start(environment: dict[str, str]) -> Served:
        started.append(Served(environment))
        return started[-1]

    yield start
    for served in started:
        if served.process.poll() is None:
            served.process.kill()
            served.wait()


Serve = Callable[[dict[str, str]], Served]


class TestWithoutAKey:
    pytestmark = embedded

    def test_the_printed_request_is_answered_and_nothing_is_left(
        self, serve: Serve, environment: dict[str, str]
    ) -> None:
        served = serve(environment).until_ready()
        answer = curl(served.output)
        assert answer["response"].strip()
        assert answer["actual_cost"] > 0
        assert served.below("stand_in")
        assert served.end(signal.SIGTERM) == 0

    def test_a_model_that_dies_comes_back(self, serve: Serve, environment: dict[str, str]) -> None:
        served = serve(environment).until_ready()
        (before,) = served.below("stand_in")
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: set(served.below("stand_in")) - {before} != set())
        assert "starting it again" in served.output
        wait_until(lambda: "response" in curl(served.output))
        assert served.end(signal.SIGINT) == 0


class TestWhileAnswering:
    """With a stand-in of the tests' own, which answers when it is told to."""

    @pytest.fixture
    def upstream(self) -> Iterator[Upstream]:
        with Upstream() as upstream:
            yield upstream

    @pytest.fixture
    def answering(
        self, serve: Serve, environment: dict[str, str], upstream: Upstream
    ) -> tuple[Served, Future[dict]]:
        """Serving, with the printed request under way."""
        served = serve({**environment, "DEMO_BASE_URL": upstream.url}).until_ready()
        assert not served.below("stand_in")
        asked: Future[dict] = Future()
        threading.Thread(target=lambda: settle(asked, lambda: curl(served.output))).start()
        assert upstream.was_asked.wait(30)
        return served, asked

    def test_an_answer_under_way_is_finished_first(
        self, answering: tuple[Served, Future[dict]], upstream: Upstream
    ) -> None:
        served, asked = answering
        below = family(served.pid)
        served.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(f"{served.url}/ready").status_code == 503)
        assert curl(served.output)["error"]["code"] == "unavailable"
        assert served.process.poll() is None
        upstream.may_answer.set()
        assert asked.result(30)["response"] == "Paris."
        assert served.wait() == 0
        wait_until(lambda: not any(is_running(pid) for pid in below))

    def test_a_second_ctrl_c_waits_for_nothing(
        self, answering: tuple[Served, Future[dict]], upstream: Upstream
    ) -> None:
        served, asked = answering
        below = family(served.pid)
        served.process.send_signal(signal.SIGINT)
        wait_until(lambda: "Ctrl-C again" in served.output)
        served.process.send_signal(signal.SIGINT)
        assert served.wait() == 0
        wait_until(lambda: not any(is_running(pid) for pid in below))
        assert asked.exception(30) is not None


class TestWithAKey:
    def test_no_embedded_model_runs(self, serve: Serve, keyed: dict[str, str]) -> None:
        served = serve(keyed).until_ready()
        assert "from Groq" in served.output
        assert served.below("gunicorn") and not served.below("stand_in")
        assert httpx.get(f"{served.url}/health").json() == {"status": "ok"}
        assert served.end(signal.SIGTERM) == 0

    def test_the_printed_password_opens_the_account_once(
        self, serve: Serve, keyed: dict[str, str], tmp_path: Path
    ) -> None:
        first = serve(keyed).until_ready()
        password = shown(first.output, "Password")
        assert sign_in(first.url, shown(first.output, "Sign in as"), password)
        assert first.end(signal.SIGTERM) == 0
        before = contents(tmp_path / "budgetrouter.sqlite3")

        second = serve(keyed).until_ready()
        assert password not in second.output
        assert "as you set it" in second.output
        assert line_with("curl", second.output) == line_with("curl", first.output)
        assert second.end(signal.SIGTERM) == 0
        assert contents(tmp_path / "budgetrouter.sqlite3") == before
        written = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert not [path for path in written if password.encode() in path.read_bytes()]

    def test_a_given_password_is_not_shown(self, serve: Serve, keyed: dict[str, str]) -> None:
        given = {"DJANGO_SUPERUSER_USERNAME": "boss", "DJANGO_SUPERUSER_PASSWORD": "bWx3-given"}
        served = serve({**keyed, **given}).until_ready()
        assert shown(served.output, "Sign in as") == "boss"
        assert "bWx3-given" not in served.output
        assert sign_in(served.url, "boss", "bWx3-given")

    def test_a_taken_port_is_named_and_nothing_starts(
        self, serve: Serve, keyed: dict[str, str]
    ) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", int(keyed["PORT"])))
            listener.listen()
            served = serve(keyed)
            assert served.wait() == 1
        assert f"Port {keyed['PORT']} is already in use" in served.output
        assert "PORT=" in served.output
        assert "Traceback" not in served.output

    def test_a_web_server_that_dies_ends_it_all(self, serve: Serve, keyed: dict[str, str]) -> None:
        served = serve(keyed).until_ready()
        below = family(served.pid)
        os.kill(master_of(served), signal.SIGKILL)
        assert served.wait() == 1
        assert "The web server ended by itself" in served.output
        wait_until(lambda: not any(is_running(pid) for pid in below), 45)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's death")
    def test_even_a_killed_supervisor_leaves_nothing(
        self, serve: Serve, keyed: dict[str, str]
    ) -> None:
        served = serve(keyed).until_ready()
        assert served.end(signal.SIGKILL) == -signal.SIGKILL

    def test_without_a_database_it_says_so(self, serve: Serve, keyed: dict[str, str]) -> None:
        nowhere = {"DATABASE_URL": f"postgres://user:hidden@127.0.0.1:{free_port()}/none"}
        served = serve({**keyed, **nowhere})
        assert served.wait() == 1
        assert "The database could not be used" in served.output
        assert "hidden" not in served.output


def settle(future: Future[dict], call: Callable[[], dict]) -> None:
    try:
        future.set_result(call())
    except httpx.HTTPError as error:
        future.set_exception(error)


def line_with(word: str, output: str) -> str:
    return next(line for line in output.splitlines() if word in line).strip()


def shown(output: str, label: str) -> str:
    """The first word after a label of the console's table."""
    found = re.search(rf"^  {label} +(\S+)", output, re.MULTILINE)
    assert found, output
    return found[1]


def curl(output: str) -> dict:
    """The answer to the printed request, sent as it stands."""
    words = shlex.split(line_with("curl", output))
    headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word == "-H")
    body = words[words.index("-d") + 1]
    return httpx.post(words[2], content=body, headers=headers, timeout=60).json()


def sign_in(url: str, username: str, password: str) -> bool:
    with httpx.Client(base_url=url, follow_redirects=False) as browser:
        browser.get("/accounts/login/")
        answer = browser.post(
            "/accounts/login/",
            data={"login": username, "password": password},
            headers={"X-CSRFToken": browser.cookies["csrftoken"], "Referer": url},
        )
        return answer.status_code == 302 and "sessionid" in browser.cookies


def contents(database: Path) -> dict[str, list]:
    """Every row of every table but the sessions."""
    with sqlite3.connect(database) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = [name for (name,) in tables if name != "django_session"]
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}


def master_of(served: Served) -> int:
    """gunicorn's first process, the one below the supervisor."""
    return next(pid for pid in served.below("gunicorn") if parent_of(pid) == served.pid)

"""Logs: JSON, a request's id in each of its lines, and never a prompt, a key or an error's text."""

import json
import logging
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client

from budgetrouter.logging import JsonFormatter, bind_request_id, request_id
from router_app.gateway import calling, service
from router_app.gateway.keys import create_key
from router_app.models import User
from tests.api.conftest import Asker
from tests.broken import BREAKS_ON
from tests.serving.processes import wait_until
from tests.stories.servers import Gunicorn

SECRET = "Zebrafish-7f3k"
PASSWORD = "correct horse battery"
SECONDS = 60  # more than anything here takes
GIVEN = "0B8E1E6A-2a57-4a6b-9a8e-3c9f6f3f7d11"


def formatted(message: object, *args: object, name: str = "tests", **more: Any) -> Any:
    """What stands in the log for this record."""
    record = logging.LogRecord(name, logging.ERROR, "x.py", 1, message, args, more.get("exc_info"))
    record.__dict__ |= more
    return json.loads(JsonFormatter().format(record))


class TestFormatter:
    @pytest.fixture(autouse=True)
    def _no_request(self) -> Iterator[None]:
        token = request_id.set("")
        yield
        request_id.reset(token)

    def test_a_line_outside_of_requests(self) -> None:
        line = formatted("%d lines for %s", 3, "é\n")
        assert line.pop("at").endswith("+00:00")
        assert line == {"level": "error", "logger": "tests", "message": "3 lines for é\n"}

    def test_a_line_of_a_request(self) -> None:
        bound = bind_request_id()
        assert formatted("hello")["request_id"] == bound

    def test_an_error_is_told_by_kind_and_place(self) -> None:
        try:
            raise ValueError(SECRET)
        except ValueError:
            line = formatted("it failed", exc_info=sys.exc_info())
        assert line["exception"] == "ValueError"
        assert line["where"][-1].endswith("test_an_error_is_told_by_kind_and_place")
        assert SECRET not in json.dumps(line)

    def test_an_error_in_a_message_is_told_by_kind(self) -> None:
        error = ValueError(SECRET)
        assert formatted("failed: %s", error)["message"] == "failed: ValueError"
        assert formatted(error)["message"] == "ValueError"
        assert formatted("failed: %(why)s", {"why": error})["message"] == "failed: ValueError"

    def test_arguments_that_do_not_fit_are_left_out(self) -> None:
        assert formatted("%s and %s", SECRET)["message"] == "%s and %s"

    @pytest.mark.parametrize(
        ("said", "left"),
        [
            (
                f"Task exception was never retrieved\nfuture: <Task exception=V('{SECRET}')>",
                "Task exception was never retrieved",
            ),
            (f"Exception in callback fails('{SECRET}') at x.py:3", "Exception in callback fails"),
            (f"Executing <Handle fails('{SECRET}')> took 0.2 seconds", "Executing"),
        ],
    )
    def test_what_the_event_loop_quotes_is_cut_off(self, said: str, left: str) -> None:
        assert formatted(said, name="asyncio")["message"] == left


class TestRequestId:
    def test_a_uuid_of_the_caller_is_kept(self) -> None:
        assert bind_request_id(GIVEN) == GIVEN.lower() == request_id.get()

    @pytest.mark.parametrize("given", ["", SECRET, GIVEN + "0", "\n", "1"])
    def test_nothing_else_of_a_stranger_is(self, given: str) -> None:
        assert uuid.UUID(bind_request_id(given)) and given != request_id.get()

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("path", ["/health", "/ready", "/accounts/login/", "/nothing", "/"])
    def test_pages_and_programs_are_told_it(self, path: str) -> None:
        for client in (Client(), Client(headers={"accept": "application/json"})):
            answer = client.get(path, headers={"x-request-id": GIVEN})
            assert answer["x-request-id"] == GIVEN.lower()
            other = client.get(path)["x-request-id"]
            assert uuid.UUID(other) and other != GIVEN.lower()

    @pytest.mark.django_db(transaction=True)
    def test_the_line_of_a_broken_request_has_it(
        self,
        alice: User,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        async def start(*_: Any, **__: Any) -> Any:
            raise ValueError(SECRET)

        monkeypatch.setattr(service, "start", start)
        caplog.handler.setFormatter(JsonFormatter())
        answer = Asker(create_key(user=alice, name="tests")[1]).ask()

        assert answer.status_code == 500
        lines = [json.loads(line) for line in caplog.text.splitlines()]
        broken = [line for line in lines if line.get("exception")]
        assert [line["request_id"] for line in broken] == [answer["x-request-id"]]
        assert {line["logger"] for line in lines} == {"router_app.api.errors", "django.request"}
        assert SECRET not in caplog.text

    @pytest.mark.django_db(transaction=True)
    def test_the_lines_of_the_run_that_a_request_started_have_it(
        self, alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def provider_for(endpoint: object) -> Any:
            raise ValueError(SECRET)

        monkeypatch.setattr(calling, "provider_for", provider_for)
        caplog.handler.setFormatter(JsonFormatter())
        answer = Asker(create_key(user=alice, name="tests")[1]).ask(model="openai/gpt-oss-20b")

        assert answer.status_code == 502
        lines = [json.loads(line) for line in caplog.text.splitlines()]
        assert {line["message"] for line in lines} >= {"a call failed unexpectedly"}
        assert {line.get("request_id") for line in lines} == {answer["x-request-id"]}
        assert SECRET not in caplog.text


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestForced500:
    """A real server in which everything raises what it was given, at the lowest log level."""

    def test_nothing_leaks(self, alice: User, tmp_path: Path) -> None:
        key = create_key(user=alice, name="tests")[1]
        settings = {"DJANGO_SETTINGS_MODULE": "tests.broken", "LOG_LEVEL": "DEBUG"}
        with Gunicorn(tmp_path, **settings) as server:
            answers = [
                *ask_programs(server.url, key),
                *ask_programs(server.url, f"{BREAKS_ON}{SECRET}"),
                ask_page(server.url),
            ]
            wait_until(lambda: all(said_of(tmp_path, answer) for answer in answers))
            quiet = httpx.get(f"{server.url}/health?q={SECRET}", timeout=SECONDS).headers[
                "x-request-id"
            ]
            wait_until(lambda: quiet in text_of(tmp_path))

        for answer in answers:
            assert answer.status_code == 500, answer.url
            assert SECRET not in answer.text
            assert "ValueError" not in answer.text
            kinds = {line.get("exception") for line in said_of(tmp_path, answer)}
            assert kinds & {"ValueError", "RuntimeError"}, answer.url
        text = text_of(tmp_path)
        for secret in (SECRET, key, PASSWORD, "cannot"):
            assert secret not in text
        assert all(json.loads(line)["logger"] for line in text.splitlines())


def ask_programs(url: str, key: str) -> list[httpx.Response]:
    """The same prompt to both endpoints, whole and streamed."""
    bearer = {"Authorization": f"Bearer {key}"}
    message = {"role": "user", "content": SECRET}
    chat = {"model": "auto", "messages": [message]}
    with httpx.Client(base_url=url, headers=bearer, timeout=SECONDS) as program:
        return [
            program.post("/route", json={"prompt": SECRET, "budget": 0.01}),
            program.post("/v1/chat/completions", json=chat),
            program.post("/v1/chat/completions", json={**chat, "stream": True}),
        ]


def ask_page(url: str) -> httpx.Response:
    """The same prompt from the chat page, without script."""
    with httpx.Client(base_url=url, timeout=SECONDS) as browser:
        browser.get("/accounts/login/")
        form = {"login": "alice", "password": PASSWORD}
        assert browser.post("/accounts/login/", data=form, headers=sent(browser)).status_code == 302
        prompt = {"prompt": SECRET, "task": "general", "quality": "low", "budget": "0.01"}
        return browser.post("/send/", data=prompt, headers=sent(browser))


def sent(browser: httpx.Client) -> dict[str, str]:
    return {"X-CSRFToken": browser.cookies["csrftoken"], "Referer": str(browser.base_url)}


def text_of(folder: Path) -> str:
    """What the server wrote to standard output and error."""
    return "".join(path.read_text() for path in folder.glob("server-*.log"))


def said_of(folder: Path, answer: httpx.Response) -> list[dict[str, Any]]:
    """The errors that the log has of this answer's request."""
    lines = [json.loads(line) for line in text_of(folder).splitlines()]
    mine = [line for line in lines if line.get("request_id") == answer.headers["x-request-id"]]
    return [line for line in mine if line["level"] == "error"]

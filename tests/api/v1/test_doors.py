"""Before the body: hosts and keys; and how what cannot be read is answered."""

import asyncio
import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from router_app.api.v1 import completions
from router_app.gateway import keys
from router_app.gateway.keys import create_key
from router_app.models import ApiKey, RoutingDecision, User
from router_app.providers.scripted import ScriptedProvider
from tests.api.v1.calling import HELLO, STRANGER, Program, assert_is_error

pytestmark = pytest.mark.django_db(transaction=True)

BODY = {"model": "auto", "messages": HELLO}


def wrong_keys(alice: User, key: str) -> list[str]:
    secret = keys.PREFIX + "A" * keys.SECRET_LENGTH
    revoked, text = create_key(user=alice, name="revoked")
    keys.revoke(revoked)
    late, expired = create_key(user=alice, name="expired")
    ApiKey.objects.filter(pk=late.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    closed = create_key(user=User.objects.create_user("bob", is_active=False), name="closed")[1]
    texts = [secret + keys._checksum(secret), text, expired, closed, key[:-1], f"{key}0", "sk-x"]
    whole = ["", "Bearer", "Bearer ", key, f"Basic {key}", f"Bearer{key}", f"Bearer {key} {key}"]
    return [*whole, *(f"Bearer {text}" for text in texts), "Bearer schl\u00fcssel"]


def test_all_that_is_wrong_with_a_key_looks_the_same(alice: User, key: str) -> None:
    answers = [STRANGER.post(BODY, authorization=each) for each in wrong_keys(alice, key)]

    for answer in answers:
        assert_is_error(answer, 401, "invalid_api_key")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert len({answer.content for answer in answers}) == 1
    assert not RoutingDecision.objects.exists()


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/openai/gpt-oss-20b"])
def test_models_are_not_for_strangers(path: str, alice: User) -> None:
    assert_is_error(STRANGER.get(path, authorization=""), 401, "invalid_api_key")


def test_a_key_opens_the_door_however_bearer_is_spelled(
    program: Program, provider: ScriptedProvider
) -> None:
    for spelled in ("bearer", "BEARER ", "Bearer  "):
        assert program.post(BODY, authorization=f"{spelled} {program.key} ").status == 200


def test_a_session_is_not_asked_for(program: Program, alice: User) -> None:
    response = STRANGER.post(BODY, authorization="", cookie="sessionid=abc")

    assert_is_error(response, 401, "invalid_api_key")


def test_a_strangers_body_is_not_read(alice: User) -> None:
    connection = STRANGER.connection(BODY, authorization="")

    response = asyncio.run(connection.run())

    assert_is_error(response, 401, "invalid_api_key")
    assert connection.unread
    assert response.headers["connection"] == "close"


def test_both_prefixes_lead_here(program: Program, provider: ScriptedProvider) -> None:
    assert program.post(BODY, path="/openai/v1/chat/completions").status == 200
    assert program.get("/openai/v1/models").json() == program.get("/v1/models").json()


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "text/plain"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_type": ""},
        {"content_encoding": "gzip"},
    ],
)
def test_only_plain_json_is_read(headers: dict[str, str], program: Program) -> None:
    assert_is_error(program.post(BODY, **headers), 415, "unsupported_media_type")


def test_json_may_name_its_charset(program: Program, provider: ScriptedProvider) -> None:
    kind = "Application/JSON; charset=utf-8"

    assert program.post(BODY, content_type=kind).status == 200


def test_a_body_that_is_announced_too_large_is_not_read(program: Program) -> None:
    connection = program.connection(BODY, content_length=str(8 * 1024 * 1024 + 1))

    response = asyncio.run(connection.run())

    assert_is_error(response, 413, "request_too_large")
    assert connection.unread


@pytest.mark.parametrize("length", ["", "10", "nonsense"])
def test_a_body_that_grows_too_large_is_refused_on_the_way(length: str, program: Program) -> None:
    connection = program.connection(BODY, content_length=length)
    connection.unread = [b" " * 1_000_000] * 20

    response = asyncio.run(connection.run())

    assert_is_error(response, 413, "request_too_large")
    assert len(connection.unread) == 11


def test_a_body_in_chunks_is_read_whole(program: Program, provider: ScriptedProvider) -> None:
    connection = program.connection(BODY, content_length="", transfer_encoding="chunked")
    raw = json.dumps(BODY).encode()
    connection.unread = [raw[:5], raw[5:20], b"", raw[20:]]

    assert asyncio.run(connection.run()).status == 200


class Part(bytes):
    """Fails where everything that came before is copied to add it."""

    def __radd__(self, other: Any) -> Any:
        raise AssertionError("a body in many parts is copied with each of them")


def test_a_body_in_many_parts_costs_no_more_than_one(
    program: Program, provider: ScriptedProvider
) -> None:
    connection = program.connection(BODY, content_length="", transfer_encoding="chunked")
    raw = json.dumps(BODY).encode()
    connection.unread = [Part(raw[place : place + 1]) for place in range(len(raw))]

    assert asyncio.run(connection.run()).status == 200


def test_an_image_above_the_limit_of_other_addresses_is_read(
    program: Program, provider: ScriptedProvider, able: None
) -> None:
    image = "data:image/png;base64," + "A" * (4 * 1024 * 1024)
    parts = [{"type": "image_url", "image_url": {"url": image}}]

    assert program.ask(parts).status == 200


def test_half_a_body_is_no_request(program: Program) -> None:
    connection = program.connection(BODY)
    connection.unread = []
    connection.left.set()

    assert_is_error(asyncio.run(connection.run()), 400, "invalid_request_error")


@pytest.mark.parametrize("host", ["evil.example", "", "router.example:x", "a b", "router.example@"])
def test_a_strange_host_is_told_so(host: str, settings: Any, program: Program) -> None:
    settings.ALLOWED_HOSTS = ["router.example"]

    assert_is_error(program.post(BODY, host=host), 400, "invalid_request_error")


@pytest.mark.parametrize("host", ["router.example", "Router.Example:8000", "router.example."])
def test_the_sites_host_is_served(
    host: str, settings: Any, program: Program, provider: ScriptedProvider
) -> None:
    settings.ALLOWED_HOSTS = ["router.example"]

    assert program.post(BODY, host=host).status == 200


def test_a_callers_own_request_id_comes_back(program: Program, provider: ScriptedProvider) -> None:
    own = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"

    assert program.post(BODY, x_request_id=own).headers["x-request-id"] == own
    assert program.post(raw=b"{", x_request_id=own.upper()).headers["x-request-id"] == own
    stream = {**BODY, "stream": True}
    assert program.post(stream, x_request_id=own).headers["x-request-id"] == own
    assert program.post(BODY, x_request_id="<script>").headers["x-request-id"] != "<script>"


def test_head_is_answered_where_get_is(program: Program, catalog: None) -> None:
    response = program.get("/v1/models", "HEAD")

    assert (response.status, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 100


@pytest.mark.parametrize("streams", [False, True])
def test_our_own_fault_is_logged_and_not_told(
    streams: bool,
    program: Program,
    provider: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails(*args: object) -> None:
        raise KeyError(f"secret {program.key}")

    monkeypatch.setattr(completions, "respond", fails)

    with caplog.at_level(logging.ERROR):
        response = program.post({**BODY, "stream": streams})

    assert_is_error(response, 500, "server_error")
    assert "secret" not in response.content.decode()
    logged = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [response.headers["x-request-id"] in record.getMessage() for record in logged] == [True]


def test_a_refused_budget_is_a_402_that_is_not_asked_again(
    program: Program, provider: ScriptedProvider
) -> None:
    response = program.ask(router={"budget": 0.000001})

    assert_is_error(response, 402, "budget_exceeded")
    assert response.headers["x-should-retry"] == "false"
    assert {"budget", "limit", "available", "needed", "cheapest_model"} <= set(response.error)
    assert not provider.calls


def test_unknown_models_and_needs_that_nobody_meets(
    program: Program, provider: ScriptedProvider
) -> None:
    assert_is_error(program.ask(model="nobody/nothing"), 404, "model_not_found")
    assert_is_error(program.ask(response_format={"type": "json_object"}, tools=TOOLS), 422, NOBODY)


TOOLS = [{"type": "function", "function": {"name": "f"}}]
NOBODY = "no_candidate"

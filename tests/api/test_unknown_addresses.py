"""Addresses and methods that nothing answers: JSON for programs, a page for people."""

import json
from typing import Any

import pytest
from django.http import HttpResponse

from tests.api.conftest import CLIENT, Asker

pytestmark = pytest.mark.django_db


def assert_is_json(response: HttpResponse, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    assert len(response["x-request-id"]) == 36
    error: dict[str, Any] = json.loads(response.content)["error"]
    assert error["code"] == code
    return error


@pytest.mark.parametrize(
    "path",
    [
        "/route/",
        "/route/5",
        "/stats/",
        "/stats/x",
        "/health/",
        "/openapi.json/",
        "/v1/",
        "/v1/chat",
    ],
)
def test_below_the_api_everything_unknown_is_json(path: str) -> None:
    assert_is_json(CLIENT.get(path), 404, "not_found")


@pytest.mark.parametrize(
    "headers",
    [
        {"accept": "application/json"},
        {"accept": "application/json, text/html;q=0.5"},
        {"authorization": "Bearer br-whatever"},
    ],
)
def test_a_program_gets_json_anywhere(headers: dict[str, str]) -> None:
    assert_is_json(CLIENT.get("/nothing/here", headers=headers), 404, "not_found")
    sent = CLIENT.post("/nothing/here", "{}", content_type="application/json")
    assert_is_json(sent, 404, "not_found")


@pytest.mark.parametrize("accept", ["text/html", "text/html,application/xhtml+xml,*/*;q=0.8"])
def test_a_person_gets_a_page(accept: str) -> None:
    response = CLIENT.get("/nothing/here", headers={"accept": accept})

    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("get", "/route", "POST"),
        ("head", "/route", "POST"),
        ("put", "/route", "POST"),
        ("patch", "/route", "POST"),
        ("delete", "/route", "POST"),
        ("options", "/route", "POST"),
        ("trace", "/route", "POST"),
        ("post", "/stats", "GET, HEAD"),
        ("delete", "/stats", "GET, HEAD"),
        ("post", "/health", "GET, HEAD"),
        ("put", "/health", "GET, HEAD"),
        ("post", "/openapi.json", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(method: str, path: str, allowed: str) -> None:
    response = getattr(CLIENT, method)(path)

    assert response["Allow"] == allowed
    if method != "head":
        error = assert_is_json(response, 405, "method_not_allowed")
        assert error["message"] == f"This address answers {allowed.replace(', ', ' and ')} only."


@pytest.mark.parametrize("path", ["/health", "/openapi.json", "/docs"])
def test_head_is_answered_where_get_is(path: str) -> None:
    response = CLIENT.head(path)

    assert response.status_code == 200
    assert response.content == b""


def test_health_asks_nothing_of_the_database(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = CLIENT.get("/health")

    assert response.json() == {"status": "ok"}


def test_a_strange_host_gets_json_too(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["router.example"]

    assert_is_json(CLIENT.get("/health"), 400, "invalid_request_error")


@pytest.mark.django_db(transaction=True)
def test_a_callers_own_request_id_comes_back(asker: Asker) -> None:
    own = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"

    assert asker.get("/stats", x_request_id=own)["x-request-id"] == own
    assert asker.get("/stats?period=no", x_request_id=own.upper())["x-request-id"] == own


@pytest.mark.parametrize("other", ["", "1", "x" * 5000, "a b", "<script>", "42\u00e9"])
def test_what_is_no_uuid_is_not_echoed(other: str) -> None:
    response = CLIENT.get("/health", headers={"x-request-id": other})

    assert response["x-request-id"] != other
    assert len(response["x-request-id"]) == 36

"""The table of refusals, row by row."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from router_app.providers.base import Billing, FailureKind, Usage
from router_app.providers.failures import error_inside, refusal, retry_after

K, FREE, MAYBE = FailureKind, Billing.NOT_BILLED, Billing.UNKNOWN
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def body(code: Any = None, type_: str = "invalid_request_error") -> bytes:
    """An error's body as Groq writes it."""
    return json.dumps({"error": {"message": "SECRET", "type": type_, "code": code}}).encode()


@pytest.mark.parametrize(
    "status, code, kind, billing, retry",
    [
        (400, None, K.REJECTED, FREE, False),
        (400, "model_decommissioned", K.MODEL_GONE, FREE, False),
        (400, "blocked_api_access", K.OUT_OF_MONEY, FREE, False),
        (400, "json_validate_failed", K.REJECTED, MAYBE, False),
        (400, "tool_use_failed", K.REJECTED, MAYBE, False),
        (400, "context_length_exceeded", K.TOO_LONG, FREE, False),
        (401, None, K.CREDENTIALS, FREE, False),
        (401, "invalid_api_key", K.CREDENTIALS, FREE, False),
        (402, None, K.OUT_OF_MONEY, FREE, False),
        (403, None, K.CREDENTIALS, FREE, False),
        (403, "model_permission_blocked_project", K.MODEL_GONE, FREE, False),
        (404, "model_not_found", K.MODEL_GONE, FREE, False),
        (404, None, K.MODEL_GONE, FREE, False),
        (404, "unknown_url", K.REJECTED, FREE, False),
        (408, None, K.TIMEOUT, MAYBE, True),
        (409, None, K.REJECTED, MAYBE, True),
        (413, None, K.TOO_LONG, FREE, False),
        (418, None, K.REJECTED, FREE, False),
        (422, None, K.REJECTED, MAYBE, False),
        (424, None, K.REJECTED, FREE, False),
        (429, "rate_limit_exceeded", K.OVERLOADED, FREE, True),
        (429, None, K.OVERLOADED, FREE, True),
        (429, "insufficient_quota", K.OUT_OF_MONEY, FREE, False),
        (498, "capacity_exceeded", K.OVERLOADED, FREE, True),
        (499, None, K.BROKEN_STREAM, MAYBE, False),
        (500, None, K.SERVER, MAYBE, True),
        (500, "rate_limit_exceeded", K.OVERLOADED, MAYBE, True),
        (501, None, K.SERVER, MAYBE, True),
        (502, None, K.SERVER, MAYBE, True),
        (503, None, K.OVERLOADED, MAYBE, True),
        (504, None, K.SERVER, MAYBE, True),
        (204, None, K.PROTOCOL, MAYBE, False),
        (301, None, K.PROTOCOL, FREE, False),
        (999, None, K.PROTOCOL, MAYBE, False),
    ],
)
def test_status_and_code(
    status: int, code: str | None, kind: K, billing: Billing, retry: bool
) -> None:
    failure = refusal(status, {}, body(code))
    assert (failure.kind, failure.billing, failure.retry) == (kind, billing, retry)
    assert failure.status == status
    assert f"HTTP {status}" in failure.detail and "SECRET" not in failure.detail


def test_a_page_that_is_missing_is_not_a_model_that_is_gone() -> None:
    """A wrong base URL must not take models out of the catalogue."""
    assert refusal(404, {}, b"<h1>404 page not found</h1>").kind is K.REJECTED


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b"[1]",
        b"null",
        b'"x"',
        b'{"error": "text"}',
        b'{"error": [1]}',
        b'{"error": {"code": {"a": 1}, "type": []}}',
        b'{"error": {"code": 1e999}}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_says_nothing_leaves_the_status(content: bytes) -> None:
    assert refusal(429, {}, content).kind is K.OVERLOADED


def test_a_code_is_found_in_the_shapes_that_servers_use() -> None:
    listed = json.dumps([{"error": {"code": "model_not_found"}}]).encode()
    bare = json.dumps({"object": "error", "type": "model_not_found"}).encode()
    assert refusal(400, {}, listed).kind is refusal(400, {}, bare).kind is K.MODEL_GONE


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "3600"}, 60.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:07 GMT"}, 7.0),
        ({"retry-after": "Mon, 23 Nov 2026 11:59:00 GMT"}, 0.0),
        ({"retry-after": "Mon, 23 Nov 2026 13:00:00 GMT"}, 60.0),
        ({"retry-after": "Mon, 23 Nov 99999 13:00:00 GMT"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOON) == seconds


@pytest.mark.parametrize(
    "status, word, retry", [(429, "false", False), (400, "true", True), (500, "maybe", True)]
)
def test_the_provider_knows_best_whether_to_retry(status: int, word: str, retry: bool) -> None:
    assert refusal(status, {"x-should-retry": word}, b"").retry is retry


@pytest.mark.parametrize(
    "error, kind, billing, retry",
    [
        ("SECRET", K.PROTOCOL, MAYBE, False),
        ({"message": "SECRET"}, K.PROTOCOL, MAYBE, False),
        ({"code": "rate_limit_exceeded"}, K.OVERLOADED, MAYBE, True),
        ({"type": "server_error"}, K.SERVER, MAYBE, True),
        ({"code": 429}, K.OVERLOADED, MAYBE, True),
        ({"code": 502}, K.SERVER, MAYBE, True),
        ({"code": 7}, K.PROTOCOL, MAYBE, False),
    ],
)
def test_an_error_inside_a_200(error: Any, kind: K, billing: Billing, retry: bool) -> None:
    failure = error_inside(error, anything_came=False, usage=None)
    assert (failure.kind, failure.billing, failure.retry) == (kind, billing, retry)
    assert "SECRET" not in failure.detail


def test_after_a_token_nothing_is_free_and_nothing_is_repeated() -> None:
    busy = {"code": "rate_limit_exceeded"}
    failure = error_inside(busy, anything_came=True, usage=None)
    assert (failure.billing, failure.retry) == (MAYBE, False)
    assert error_inside(busy, anything_came=False, usage=Usage(3, 0)).billing is MAYBE

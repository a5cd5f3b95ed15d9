"""Bodies that are too large are turned away before anybody stores them."""

import asyncio
import json
from typing import Any

import pytest

from budgetrouter.body_limit import BodyLimit


async def _echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An application that reads all, and says nothing to a client that left."""
    read = 0
    while (message := await receive())["type"] == "http.request":
        read += len(message["body"])
        if not message["more_body"]:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": str(read).encode()})
            return


def _ask(chunks: list[bytes], length: bytes | None = None) -> tuple[int, bytes, int]:
    """Status, body, and how many chunks were read."""
    waiting, sent = list(chunks), []

    async def receive() -> dict[str, Any]:
        chunk = waiting.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-length", length)] if length is not None else []
    asyncio.run(BodyLimit(_echo, 10)({"type": "http", "headers": headers}, receive, send))
    assert len(sent) == 2
    return sent[0]["status"], sent[1]["body"], len(chunks) - len(waiting)


def test_what_fits_passes() -> None:
    assert _ask([b"12345", b"67890"]) == (200, b"10", 2)
    assert _ask([b"1234567890"], b"10") == (200, b"10", 1)


def test_an_announced_size_is_refused_unread() -> None:
    status, body, read = _ask([b"x" * 11], b"11")
    assert (status, read) == (413, 0)
    assert json.loads(body)["error"]["code"] == "request_too_large"


@pytest.mark.parametrize("length", [None, b"5", b"nonsense"])
def test_a_body_that_grows_too_large_is_refused_on_the_way(length: bytes | None) -> None:
    status, body, read = _ask([b"x" * 6, b"x" * 6, b"x" * 6], length)
    assert (status, read) == (413, 2)
    assert json.loads(body)["error"]["type"] == "invalid_request_error"

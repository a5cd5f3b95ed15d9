"""Bodies over the limit, as an ASGI server hands them on: with a length, without, with a lie."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from django.core.handlers.asgi import ASGIHandler

from router_app.models import RoutingDecision

pytestmark = pytest.mark.django_db(transaction=True)

CHUNK = b"x" * 65_536


async def chunks(count: int) -> AsyncIterator[bytes]:
    yield b'{"budget": 1, "prompt": "'
    for _ in range(count):
        yield CHUNK
    yield b'"}'


def post(body: AsyncIterator[bytes] | bytes, headers: dict[str, str]) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(ASGIHandler())
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            return await client.post("/route", content=body, headers=headers)

    return asyncio.run(send())


@pytest.fixture
def headers(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", "content-type": "application/json"}


def test_a_large_body_without_a_length_is_a_413(headers: dict[str, str]) -> None:
    response = post(chunks(40), headers)

    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"
    assert not RoutingDecision.objects.exists()


def test_a_large_body_that_says_so_is_a_413(headers: dict[str, str]) -> None:
    assert post(CHUNK * 40, headers).status_code == 413


def test_a_large_body_that_denies_it_is_a_413(headers: dict[str, str]) -> None:
    assert post(CHUNK * 40, {**headers, "content-length": "10"}).status_code == 413


def test_a_long_prompt_in_chunks_is_read_whole(headers: dict[str, str]) -> None:
    response = post(chunks(2), headers)

    # 131,072 characters: read, and then too long.
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "prompt"


def test_a_refused_stranger_does_not_depend_on_the_body(headers: dict[str, str]) -> None:
    assert post(chunks(40), {"content-type": "application/json"}).status_code == 401

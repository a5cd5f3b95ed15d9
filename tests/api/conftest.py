"""Asking the JSON face in tests: who asks, with what, and what came of it."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from router_app.gateway.keys import create_key
from router_app.models import User

# One for all: a client sets up the whole middleware with its first request. Keeps no cookies.
CLIENT = Client(raise_request_exception=False)


@dataclass(frozen=True)
class Asker:
    """Somebody's program: sends JSON with a key."""

    key: str

    def post(self, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Any:
        """`POST /route`; `raw` is sent as it is."""
        data = json.dumps(body).encode() if raw is None else raw
        content_type = headers.pop("content_type", "application/json")
        return CLIENT.post(
            "/route", data, content_type=content_type, headers=self._headers(headers)
        )

    def ask(self, prompt: str = "Explain quicksort", **fields: Any) -> Any:
        """`POST /route` with a budget of one cent unless said."""
        return self.post({"prompt": prompt, "budget": 0.01, **fields})

    def get(self, path: str, **headers: str) -> Any:
        """A GET with the key."""
        return CLIENT.get(path, headers=self._headers(headers))

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return {"authorization": f"Bearer {self.key}", **named}


def exact(response: Any) -> Any:
    """The body with its numbers as they were written: Decimals, no floats."""
    return json.loads(response.content, parse_float=Decimal)


@pytest.fixture
def key(alice: User) -> str:
    """A key of Alice, who has $5 a month."""
    return create_key(user=alice, name="tests")[1]


@pytest.fixture
def asker(key: str) -> Asker:
    """Alice's program."""
    return Asker(key)

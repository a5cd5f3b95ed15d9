"""Calling the application as an ASGI server does: a request in, all that it sent out."""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from budgetrouter.asgi import application

COMPLETIONS = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "Explain quicksort"}]


@dataclass
class Response:
    """What was sent, and how."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    is_whole: bool = False

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)

    def json(self) -> Any:
        """The body, its numbers as they were written."""
        return json.loads(self.content, parse_float=Decimal)

    @property
    def error(self) -> Any:
        return self.json()["error"]

    @property
    def events(self) -> list[Any]:
        """What stands in the `data:` lines, `[DONE]` as it is."""
        lines = self.content.decode().split("\n\n")
        assert lines.pop() == ""
        told = [line.removeprefix("data: ") for line in lines if not line.startswith(":")]
        return [it if it == "[DONE]" else json.loads(it, parse_float=Decimal) for it in told]


class Connection:
    """A client's side of one request: what it sends, and when it leaves."""

    def __init__(
        self,
        path: str = COMPLETIONS,
        *,
        method: str = "POST",
        headers: Iterable[tuple[str, str]] = (),
        chunks: Iterable[bytes] = (b"",),
        on_send: Callable[[Any], Any] | None = None,
    ) -> None:
        self.scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
            "server": ("testserver", 80),
        }
        self.response = Response()
        self.unread = list(chunks)
        self.left = asyncio.Event()
        self._on_send = on_send

    async def receive(self) -> dict[str, Any]:
        if self.unread:
            chunk = self.unread.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(self.unread)}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            assert not self.response.status
            self.response.status = message["status"]
            pairs = [(name.decode(), value.decode()) for name, value in message["headers"]]
            self.response.headers = dict(pairs)
            assert len(pairs) == len(self.response.headers)
        else:
            assert self.response.status and not self.response.is_whole
            self.response.pieces += [message["body"]] if message["body"] else []
            self.response.is_whole = not message.get("more_body", False)
        if self._on_send is not None:
            await self._on_send(message)

    async def run(self) -> Response:
        await application(self.scope, self.receive, self.send)
        return self.response


@dataclass(frozen=True)
class Program:
    """Somebody's program, which has a key."""

    key: str

    def connection(
        self,
        body: Any = None,
        *,
        raw: bytes | None = None,
        path: str = COMPLETIONS,
        method: str = "POST",
        on_send: Callable[[Any], Any] | None = None,
        **headers: str,
    ) -> Connection:
        data = json.dumps(body).encode() if raw is None else raw
        named = {
            "host": "testserver",
            "authorization": f"Bearer {self.key}",
            "content-type": "application/json",
            "content-length": str(len(data)),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        pairs = [(name, value) for name, value in named.items() if value]
        return Connection(path, method=method, headers=pairs, chunks=[data], on_send=on_send)

    def post(self, body: Any = None, **options: Any) -> Response:
        """Send a body as it is."""

        async def run() -> Response:
            return await self.connection(body, **options).run()

        return asyncio.run(run())

    def get(self, path: str, method: str = "GET", **headers: str) -> Response:
        """Read an address."""
        return self.post(raw=b"", path=path, method=method, content_type="", **headers)

    def ask(self, content: Any = "Explain quicksort", **members: Any) -> Response:
        """A conversation of one message; `auto` unless said."""
        messages = [{"role": "user", "content": content}]
        return self.post({"model": "auto", "messages": messages, **members})


STRANGER = Program("")


def assert_is_error(response: Response, status: int, code: str) -> None:
    assert response.status == status
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-length"] == str(len(response.content))
    assert len(response.headers["x-request-id"]) == 36
    assert {"message", "type", "param", "code"} <= set(response.error)
    assert response.error["code"] == code

"""One request and the many ways to answer it, byte by byte."""

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

REASONS = {200: "OK", 204: "No Content", 302: "Found", 429: "Too Many Requests"}


class ClientLeft(Exception):
    """The client closed the connection before we were through."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in. Header names are in lower case."""

    id: str
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def model(self) -> str:
        """The model that was asked for."""
        return str(self.body.get("model", ""))


async def read_request(reader: asyncio.StreamReader, *, number: int) -> Received | None:
    """The next request of a connection, or None where it was closed."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    path = head[0].split(" ")[1]
    return Received(f"req_{number}", path, headers, json.loads(body or b"{}"))


@dataclass(slots=True)
class Exchange:
    """What a behaviour has in its hands. `is_billed` is set by whoever makes tokens."""

    request: Received
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    keeps_open: bool = False
    is_billed: bool = False
    tokens_made: int = 0
    _chunked: bool = field(default=False)

    async def raw(self, data: bytes) -> None:
        """Write bytes as they are, at the speed at which they are read."""
        self.writer.write(data)
        await self.writer.drain()
        if self.reader.at_eof():
            raise ClientLeft

    async def head(self, status: int, **headers: object) -> None:
        """Status line and headers; an underscore in a name is a hyphen."""
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw("\r\n".join([*lines, "", ""]).encode())

    async def body(
        self,
        status: int,
        content: bytes | Mapping[str, Any],
        kind: str = "application/json",
        **headers: object,
    ) -> None:
        """A whole answer of the right length."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        await self.head(status, content_type=kind, content_length=len(data), **headers)
        await self.raw(data)
        self.keeps_open = True

    async def error(self, status: int, code: str | None = None, **headers: object) -> None:
        """An error as Groq writes it. Its message holds what must never be shown."""
        error = {"message": "SECRET upstream text gsk_leak", "type": "invalid_request_error"}
        await self.body(status, {"error": {**error, "code": code} if code else error}, **headers)

    async def stream(self, kind: str = "text/event-stream") -> None:
        """Begin a streamed answer. From here on the call costs money."""
        self.is_billed = True
        self._chunked = True
        await self.head(200, content_type=kind, transfer_encoding="chunked", x_request_id="hdr-1")

    async def send(self, data: bytes) -> None:
        """A piece of the streamed body."""
        await self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    async def event(self, data: Mapping[str, Any] | str, name: str = "") -> None:
        """One event of the stream."""
        text = data if isinstance(data, str) else json.dumps(data)
        await self.send(
            (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()
        )

    async def token(self, text: str, member: str = "content") -> None:
        """One token of the answer, or of the thinking."""
        self.tokens_made += 1
        await self.event(self.chunk({member: text}))

    async def finish(self, reason: str = "stop", **members: object) -> None:
        """The chunk with the finish reason."""
        await self.event({**self.chunk({}, reason), **members})

    async def usage(self, usage: object) -> None:
        """The chunk that `include_usage` asks for."""
        await self.event({**self.chunk({}), "choices": [], "usage": usage})

    async def done(self) -> None:
        """[DONE], and the end of the body; the connection stays."""
        await self.event("[DONE]")
        await self.end()

    async def end(self) -> None:
        """The proper end of a chunked body."""
        await self.raw(b"0\r\n\r\n")
        self.keeps_open = True

    async def until_client_leaves(self) -> None:
        """Say nothing more."""
        await self.reader.read()
        raise ClientLeft

    def reset(self) -> None:
        """Drop the connection so that the client's kernel sees a reset, not an end."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def chunk(self, delta: object, reason: str | None = None) -> dict[str, Any]:
        """A chunk of a chat completion."""
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": self.request.model,
            "x_groq": {"id": self.request.id},
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        }

    def completion(self, content: object, **members: object) -> dict[str, Any]:
        """A whole chat completion."""
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        shell = {"id": "chatcmpl-1", "object": "chat.completion", "model": self.request.model}
        return {**shell, "x_groq": {"id": self.request.id}, "choices": [choice], **members}

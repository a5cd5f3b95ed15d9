"""Reads HTTP replies byte by byte and checks that they are the answers that were asked for.

A benchmark that counts errors as successes is worthless: every reply must have status 200 and hold
the whole text of the upstream; a stream every word once and exactly one `[DONE]`, at its end. Of
some the JSON is read as well.
"""

import json
from dataclasses import dataclass, field

from bench import wire


class Broken(Exception):
    """What came is no HTTP reply."""


@dataclass(slots=True)
class Reply:
    """One reply, fed as it comes."""

    status: int = 0
    body: bytearray = field(default_factory=bytearray)
    whole: bool = False
    _buffer: bytes = b""
    _left: int | None = None  # of a body with a length, or of the chunk being read
    _chunked: bool = False

    def feed(self, data: bytes) -> None:
        """Take what arrived. Raises Broken."""
        if self.status == 0:
            data = self._take_head(self._buffer + data)
            if self.status == 0:
                self._buffer = data
                return
        if self._chunked:
            self._take_chunks(data)
        elif self._left is not None:
            self.body += data
            self._left -= len(data)
            self.whole = self._left <= 0
        else:
            raise Broken("a reply without a length")

    def _take_head(self, data: bytes) -> bytes:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return data
        head = data[: end + 2].lower()
        if not head.startswith(b"http/1.1 ") or not head[9:12].isdigit():
            raise Broken("not an HTTP reply")
        self.status = int(head[9:12])
        self._buffer = b""
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            self._left = int(head[at + 17 : head.find(b"\r\n", at + 2)])
            self.whole = self._left == 0
        else:
            self._chunked = b"\r\ntransfer-encoding: chunked" in head
        return data[end + 4 :]

    def _take_chunks(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        at = 0
        while (line := data.find(b"\r\n", at)) >= 0:
            try:
                size = int(data[at:line].partition(b";")[0], 16)
            except ValueError:
                raise Broken("not a chunk") from None
            end = line + 2 + size
            if len(data) < end + 2:
                break
            if size == 0:
                self.whole = True
                return
            self.body += data[line + 2 : end]
            at = end + 2
        self._buffer = data[at:]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the upstream says, and so every reply must hold."""

    chunks: int = wire.DEFAULT_CHUNKS
    streamed: bool = False

    def problem(self, reply: Reply, *, closely: bool = False) -> str | None:
        """What is wrong with a whole reply, in words; None where it is the answer."""
        if reply.status != 200:
            return f"status {reply.status}: {bytes(reply.body[:120])!r}"
        if self.streamed:
            return self._stream_problem(bytes(reply.body), closely)
        return self._whole_problem(bytes(reply.body), closely)

    def _whole_problem(self, body: bytes, closely: bool) -> str | None:
        if wire.text(self.chunks).encode() not in body:
            return f"another text: {body[:120]!r}"
        if not closely:
            return None
        answer = json.loads(body)
        if "choices" in answer:
            content = answer["choices"][0]["message"]["content"]
            tokens = answer["usage"]["completion_tokens"]
        else:  # the product's own POST /route
            content, tokens = answer["response"], answer["usage"]["output_tokens"]
        right = content == wire.text(self.chunks) and tokens == self.chunks
        return None if right else f"another answer: {body[:120]!r}"

    def _stream_problem(self, body: bytes, closely: bool) -> str | None:
        if body.count(wire.DONE.strip()) != 1 or not body.rstrip().endswith(wire.DONE.strip()):
            return f"no end: {body[-120:]!r}"
        if body.count(wire.MARK) != self.chunks:
            return f"{body.count(wire.MARK)} words"
        if closely and streamed_text(body) != wire.text(self.chunks):
            return "other words"
        return None


def streamed_text(body: bytes) -> str:
    """The deltas of a stream's events, together."""
    found = []
    for line in body.splitlines():
        if not line.startswith(b"data:") or line.endswith(b"[DONE]"):
            continue
        for choice in json.loads(line[5:]).get("choices", []):
            found.append((choice.get("delta") or {}).get("content") or "")
    return "".join(found)

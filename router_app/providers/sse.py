"""Server-sent events from bytes, without any IO.

`EventParser.feed` takes whatever the network gives, cut anywhere (inside a character, between CR
and LF), and yields whole events. It follows the WHATWG rules except at the end of the stream:
there an event whose closing blank line is missing still counts, because servers forget it.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_LINE_BYTES = 1_000_000
MAX_BODY_BYTES = 4_000_000


class TooLarge(Exception):
    """A line or the body is larger than we read; the message says which, and is safe to show."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event. `name` is "" where the server gave none."""

    name: str
    data: str = field(repr=False)


class EventParser:
    """Holds at most one unfinished line and one unfinished event.

    Ask `plain` first, it is faster. After `TooLarge` the parser is of no further use.
    """

    def __init__(
        self, *, max_line_bytes: int = MAX_LINE_BYTES, max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self._max_line = max_line_bytes
        self._max_body = max_body_bytes
        self._body_bytes = 0
        self._line = bytearray()
        self._at_start = True
        self._after_cr = False
        self._name = ""
        self._data: list[str] = []

    def plain(self, chunk: bytes) -> list[bytes] | None:
        """The data of each event, where `chunk` is nothing but unnamed events of one line each.

        None, with nothing taken, where it is anything else: then `feed` it. Most of what servers
        send is plain, and reading it this way costs a tenth.
        """
        if not (chunk.startswith(b"data: ") and chunk.endswith(b"\n\n")) or b"\r" in chunk:
            return None
        if self._line or self._data or self._name:
            return None  # something was begun before
        events = chunk[6:-2].split(b"\n\ndata: ")
        length = len(chunk)
        if chunk.count(b"\n") != 2 * len(events) or length > self._max_line:
            return None
        if self._body_bytes + length > self._max_body:
            return None
        self._body_bytes += length
        self._at_start = self._after_cr = False
        return events

    def feed(self, chunk: bytes) -> Iterator[ServerEvent]:
        """Yield the events that `chunk` completes. Raises TooLarge.

        Lazy, so that what came before a fault is not lost with it: run the iterator to its end.
        """
        for piece in chunk.splitlines(keepends=True):
            if self._after_cr and piece == b"\n":
                self._after_cr = False  # the second half of a CRLF that was cut in two
                continue
            self._after_cr = piece.endswith(b"\r")
            content = piece.rstrip(b"\r\n")
            ends = len(content) < len(piece)
            self._extend(content, ends=ends)
            if ends:
                yield from self._end_line()

    def close(self) -> Iterator[ServerEvent]:
        """The stream has ended: yield the event that was left open, if any."""
        if self._line:
            yield from self._end_line()
        yield from self._dispatch()

    def _extend(self, content: bytes, *, ends: bool) -> None:
        """Add to the open line. A line's end counts as one byte, however it is written."""
        self._body_bytes += len(content) + ends
        if self._body_bytes > self._max_body:
            raise TooLarge(f"more than {self._max_body:,} bytes in one answer")
        if len(self._line) + len(content) > self._max_line:
            raise TooLarge(f"a line of more than {self._max_line:,} bytes")
        self._line += content

    def _end_line(self) -> Iterator[ServerEvent]:
        line = bytes(self._line)
        self._line.clear()
        if self._at_start:
            line = line.removeprefix(codecs.BOM_UTF8)
            self._at_start = False
        if line:
            self._field(line)
        else:
            yield from self._dispatch()

    def _field(self, line: bytes) -> None:
        """Take one line; comments (they begin with a colon) and unknown fields are nothing."""
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(_text(value))
        elif name == b"event":
            self._name = _text(value)

    def _dispatch(self) -> Iterator[ServerEvent]:
        name, data = self._name, self._data
        self._name, self._data = "", []
        if data:
            yield ServerEvent(name, "\n".join(data))


def _text(value: bytes) -> str:
    """A field's value: one leading space dropped, bytes that are no UTF-8 made visible."""
    return value.removeprefix(b" ").decode("utf-8", "replace")

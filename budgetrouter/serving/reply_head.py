"""The head of an HTTP reply: its bytes, and how its body will be framed."""

import re
import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSENDABLE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_MOST_NAMES = 1_000

_names: set[bytes] = set()  # those that were looked at: they are few, and come with every reply
_date = (0, b"")


class Framing(NamedTuple):
    """How a body is sent. `length`: None where it is not known beforehand."""

    head: bytes
    length: int | None
    chunked: bool
    closes: bool  # the connection ends with the reply


def head_of(
    status: int,
    fields: Iterable[tuple[bytes, bytes]],
    *,
    version: str,
    has_body: bool,
    closes: bool,
) -> Framing:
    """`has_body`: False after HEAD. Raises ValueError for a field that would not stay one."""
    parts = [_status_line(version, status)]
    length: int | None = None
    for name, value in fields:
        if name not in _names:
            _check_name(name)
        if _UNSENDABLE.search(value):
            raise ValueError("a header's value holds what a header cannot")
        lower = name.lower()
        if lower == b"content-length":
            length = int(value)
        elif lower == b"connection":
            closes = closes or b"close" in value.lower()
            continue
        elif lower == b"transfer-encoding":
            continue
        parts += (name, b": ", value, b"\r\n")
    has_body = has_body and status >= 200 and status not in (204, 304)
    chunked = has_body and length is None and version == "1.1"
    if has_body and length is None and not chunked:
        closes = True  # an older client knows the end by it
    parts += (b"date: ", _now(), b"\r\n")
    if chunked:
        parts.append(b"transfer-encoding: chunked\r\n")
    if closes:
        parts.append(b"Connection: close\r\n")
    elif version == "1.0":
        parts.append(b"Connection: keep-alive\r\n")
    parts.append(b"\r\n")
    return Framing(b"".join(parts), length if has_body else 0, chunked, closes)


def refusal(status: int) -> bytes:
    """The whole reply to what cannot be read; the connection ends with it."""
    body = f"{status} {_PHRASES[status]}\n".encode()
    fields = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    return head_of(status, fields, version="1.1", has_body=True, closes=True).head + body


def _status_line(version: str, status: int) -> bytes:
    return f"HTTP/{version} {status} {_PHRASES.get(status, '')}\r\n".encode()


def _check_name(name: bytes) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError("this is no name of a header")
    if len(_names) < _MOST_NAMES:
        _names.add(name)


def _now() -> bytes:
    """As `Date` has it; it changes once a second."""
    global _date
    second = int(time.time())
    if _date[0] != second:
        _date = (second, formatdate(second, usegmt=True).encode())
    return _date[1]

"""From the head of an HTTP request to an ASGI scope: what may be read in two ways is refused.

llhttp has read the grammar; this looks at what the grammar allows and a server must not take: a
head without end, two hosts, a coding of the body that nobody here knows, names that another server
would spell otherwise.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

Header = tuple[bytes, bytes]

MAX_TARGET_BYTES = 4_094
MAX_FIELDS = 100
MAX_FIELD_BYTES = 8_190  # its name and its value

BAD_REQUEST, TARGET_TOO_LONG, FIELDS_TOO_LARGE, NOT_IMPLEMENTED = 400, 414, 431, 501

_ASGI = {"version": "3.0", "spec_version": "2.3"}
_HTTPS = (b"https", b"on", b"ssl")


class Refused(Exception):
    """This request is not served, and nothing that follows it on its connection."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


def check_field(fields: Sequence[Header], name: bytes, value: bytes) -> None:
    """Whether one more may be kept. Raises Refused."""
    if len(fields) >= MAX_FIELDS or len(name) + len(value) > MAX_FIELD_BYTES:
        raise Refused(FIELDS_TOO_LARGE)
    if b"\n" in value or b"\r" in value:
        raise Refused(BAD_REQUEST)  # a field on two lines: some read it as one, some as two


class Head(NamedTuple):
    """As it came, with its fields' names in lower case."""

    method: str
    target: bytes
    version: str
    fields: list[Header]
    keeps_alive: bool  # the connection, after the reply

    @property
    def waits_with_body(self) -> bool:
        """The client sends its body only when it is told that it is wanted."""
        if self.version == "1.0":
            return False
        return any(name == b"expect" and v.lower() == b"100-continue" for name, v in self.fields)


def scope_of(
    head: Head, *, server: tuple[str, int], client: tuple[str, int], trusts_client: bool
) -> dict[str, Any]:
    """The scope. `trusts_client`: it is a proxy, whose word for the scheme counts.

    Raises Refused.
    """
    method, target, version, fields, _ = head
    if version not in ("1.0", "1.1") or method == "CONNECT":
        raise Refused(BAD_REQUEST)
    hosts, scheme = 0, "http"
    for name, value in fields:
        if name == b"host":
            hosts += 1
        elif name == b"transfer-encoding" and version == "1.0":
            raise Refused(BAD_REQUEST)  # who speaks 1.0 knows no chunks, and ends it elsewhere
        elif name == b"transfer-encoding" and value.lower() != b"chunked":
            raise Refused(NOT_IMPLEMENTED)
        elif name == b"x-forwarded-proto" and trusts_client and value.lower() in _HTTPS:
            scheme = "https"
    if hosts > 1 or (not hosts and version == "1.1"):
        raise Refused(BAD_REQUEST)
    raw_path, _, query = _origin_form(target).partition(b"?")
    path = raw_path.decode("utf-8", "replace")
    return {
        "type": "http",
        "asgi": _ASGI,
        "http_version": version,
        "method": method,
        "scheme": scheme,
        "path": unquote(path) if "%" in path else path,
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": fields,
        "server": server,
        "client": client,
    }


def _origin_form(target: bytes) -> bytes:
    """Path and query. Raises Refused for what names neither."""
    if target.startswith(b"/"):
        return target
    if target == b"*":
        return target
    scheme, found, rest = target.partition(b"://")
    if not found or scheme.lower() not in (b"http", b"https"):
        raise Refused(BAD_REQUEST)
    host, _, path = rest.partition(b"/")
    if not host or b"?" in host:
        raise Refused(BAD_REQUEST)
    return b"/" + path

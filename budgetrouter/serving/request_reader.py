"""Requests out of a connection's bytes: llhttp parses, and what must not be served is refused.

`make` is called with each head that is whole, and returns the exchange that its body goes to. Once
`refused` holds a status, nothing that follows is read.
"""

from collections.abc import Callable, Sequence

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from budgetrouter.serving.exchange import Exchange
from budgetrouter.serving.request_head import (
    BAD_REQUEST,
    FIELDS_TOO_LARGE,
    MAX_TARGET_BYTES,
    TARGET_TOO_LONG,
    Head,
    Header,
    Refused,
    check_field,
)

MAX_BARE_BYTES = 64 * 1024  # of a head, or of anything else that is no body


class RequestReader:
    """Of one connection. `make` may raise Refused."""

    def __init__(self, make: Callable[[Head], Exchange]) -> None:
        self.refused: int | None = None  # the status for what came after all that was made
        self.receiving: Exchange | None = None  # whose body comes now
        self._make = make
        self._parser = HttpRequestParser(self)
        self._target = b""
        self._fields: list[Header] = []
        self._bare_bytes = 0

    def read(self, data: bytes) -> bytes:
        """Read as far as it goes; returns what is still to be read."""
        self._bare_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            return self._go_on(data[upgrade.args[0] :])
        except HttpParserCallbackError as error:
            if not isinstance(error.__context__, Refused):
                raise
            self.refused = error.__context__.status
        except HttpParserError:
            self.refused = BAD_REQUEST
        else:
            if self._bare_bytes > MAX_BARE_BYTES:
                self.refused = BAD_REQUEST if self.receiving else FIELDS_TOO_LARGE
        return b""

    def end(self) -> None:
        """The connection is gone. Its parser knows us, and we it: only the collector could part
        the two."""
        del self._parser, self._make
        self.receiving = None

    # What the parser calls. While a body comes, a head is one that `_go_on` has made.

    def on_message_begin(self) -> None:
        """A request begins."""
        if self.receiving is None:
            self._target, self._fields, self._bare_bytes = b"", [], 0

    def on_url(self, part: bytes) -> None:
        """A part of its target."""
        if self.receiving is not None:
            return
        self._target += part
        if len(self._target) > MAX_TARGET_BYTES:
            raise Refused(TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of its head; or of a trailer, which says nothing to us."""
        if self.receiving is not None:
            return
        check_field(self._fields, name, value)
        if b"_" not in name:  # else Django would take it for the one with a hyphen
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        if self.receiving is not None:
            return
        parser = self._parser
        method, version = parser.get_method().decode("ascii"), parser.get_http_version()
        head = Head(method, self._target, version, self._fields, parser.should_keep_alive())
        self.receiving = self._make(head)

    def on_body(self, data: bytes) -> None:
        """A piece of its body."""
        self._bare_bytes = 0
        if self.receiving is not None:
            self.receiving.feed(data)

    def on_message_complete(self) -> None:
        """It is whole."""
        self._bare_bytes = 0
        if self._parser.should_upgrade() and _framing(self._fields):
            return  # its body is still to come
        exchange, self.receiving = self.receiving, None
        if exchange is not None:
            exchange.end_body()

    def _go_on(self, rest: bytes) -> bytes:
        """Somebody wants to speak another protocol, which nobody here does: the request is answered
        as if it had not asked. Its parser has stopped before the body; another one reads that."""
        self._parser = HttpRequestParser(self)
        if self.receiving is None:
            return rest
        fields = b"".join(b"%b: %b\r\n" % field for field in _framing(self._fields))
        return b"POST / HTTP/1.1\r\n%b\r\n%b" % (fields, rest)


def _framing(fields: Sequence[Header]) -> list[Header]:
    """Those of a request's fields that say how long its body is."""
    return [field for field in fields if field[0] in (b"content-length", b"transfer-encoding")]

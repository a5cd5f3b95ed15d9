"""One connection for one message: to an address that was checked, and no further than a status.

asyncio's own streams, because what an HTTP client adds is what a webhook must not do: look the name
up again, follow redirects, heed proxies and netrc, keep cookies, read and unpack the answer.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Sequence
from functools import lru_cache

import aiohappyeyeballs
import httpx

from router_app.webhooks.addresses import IPAddress
from router_app.webhooks.destination import Destination
from router_app.webhooks.outcome import Kind, Undelivered, failed, untrusted

MAX_HEAD_BYTES = 16 * 1024  # of all heads of an answer together; its body is not read
MAX_TRIED = 8  # addresses of one name, so that none can have us knock at hundreds of doors
SECOND_ADDRESS_SECONDS = 0.25  # when another of them is tried beside the first

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})[ \r]")


class Line:
    """An open connection. `hang_up` when done."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def post(self, request: bytes) -> int:
        """Send, and wait for the status of the answer. Raises Undelivered."""
        self._writer.write(request)  # small: what the network does not take at once is kept
        try:
            return await self._status()
        except asyncio.LimitOverrunError:
            raise Undelivered(failed(Kind.TOO_LARGE)) from None
        except ssl.SSLError as error:
            raise Undelivered(untrusted(error)) from None
        except (asyncio.IncompleteReadError, OSError):
            raise Undelivered(failed(Kind.BROKEN)) from None

    async def hang_up(self) -> None:
        """Close at once, whatever is still on its way."""
        self._writer.transport.abort()
        await asyncio.sleep(0)  # an aborted connection is gone one turn of the loop later

    async def _status(self) -> int:
        """The status of the first head that is not an interim one ("100 Continue")."""
        left = MAX_HEAD_BYTES
        while left > 0:
            head = await self._reader.readuntil(b"\r\n\r\n")
            left -= len(head)
            line = _STATUS_LINE.match(head)
            if line is None:
                raise Undelivered(failed(Kind.NOT_HTTP))
            if not line[1].startswith(b"1"):
                return int(line[1])
        raise Undelivered(failed(Kind.TOO_LARGE))


async def connected(
    destination: Destination, addresses: Sequence[IPAddress], trust: ssl.SSLContext | None
) -> Line:
    """A connection to one of `addresses` whose other end has proved to be the host.

    `trust` is for tests; by default the authorities that certifi lists are trusted. Raises
    Undelivered; nothing was sent then.
    """
    is_tls = destination.scheme == "https"
    places = [_place(address, destination.port) for address in addresses[:MAX_TRIED]]
    try:
        sock = await aiohappyeyeballs.start_connection(
            places, happy_eyeballs_delay=SECOND_ADDRESS_SECONDS, interleave=1
        )
        reader, writer = await asyncio.open_connection(
            sock=sock,
            ssl=(trust or _trust()) if is_tls else None,
            server_hostname=destination.host if is_tls else None,
            limit=MAX_HEAD_BYTES,
        )
    except ssl.SSLError as error:
        raise Undelivered(untrusted(error)) from None
    except (OSError, RuntimeError):  # uvloop's sockets raise the latter
        raise Undelivered(failed(Kind.CONNECT)) from None
    return Line(reader, writer)


def _place(address: IPAddress, port: int) -> tuple[int, int, int, str, tuple[str, int]]:
    """What getaddrinfo would have said, of an address that needs no looking up any more."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), port)


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """Reading the certificates takes tens of milliseconds: once for all."""
    return httpx.create_ssl_context(trust_env=False)

"""Connections to providers: opened, kept, counted and closed; one `Http` for each event loop.

Why not an HTTP client. A call costs us little but the client, so the client decides how many calls
a process can make. CPU a call with 64 in flight, an upstream that answers after 50 ms, one busy
machine: httpx on aiohttp 0.6 ms (on its own pool ten times that, and more with each connection),
its transport alone 0.25, aiohttp 0.15, these connections 0.04. What is left out is what a call to a
model must not do anyway: redirects, proxies and netrc from the environment, cookies, decompression
(a small gzip body can unpack to gigabytes), repeats. httpx still reads addresses and knows whom to
trust, and serves wherever speed is not at stake.

Failures say whether the request may have reached the provider: until it is connected, it has not;
from the first byte sent on, it can. A kept connection that the server closes at that very moment
belongs to the second kind and is never repeated here.
"""

import asyncio
import base64
import socket
import ssl
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

import aiohappyeyeballs
import httpx

from router_app.providers import failures
from router_app.providers.connection import Connection

MAX_CONNECTIONS = 2_000
# Below the 5 s after which common servers (llama.cpp, uvicorn, Node) drop an idle connection: a
# POST that meets a closing socket fails, and is never repeated by itself.
KEEPALIVE_SECONDS = 4.0
SECOND_ADDRESS_SECONDS = 0.25  # when another address of the same name is tried beside the first

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Where connections lead."""

    scheme: str
    host: str
    port: int


class Target(NamedTuple):
    """Where requests go: an origin, and the head of each request up to its length."""

    origin: Origin
    head: bytes


def target_of(url: str, headers: Mapping[str, str]) -> Target:
    """The target of POST requests to `url`. Raises ProviderFailure where it is no address."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise failures.no_address() from None
    host = parsed.raw_host.decode("ascii")
    port = parsed.port if parsed.port is not None else _PORTS.get(parsed.scheme, 0)
    if parsed.scheme not in _PORTS or not host or not 0 < port < 65_536:
        raise failures.no_address()
    lines = {"Host": parsed.netloc.decode("ascii"), **headers, "Accept-Encoding": "identity"}
    if parsed.userinfo:  # a server behind a password
        pair = f"{parsed.username}:{parsed.password}".encode()
        lines["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    head = [f"POST {parsed.raw_path.decode('ascii')} HTTP/1.1"]
    head += [f"{name}: {value}" for name, value in lines.items()]
    return Target(Origin(parsed.scheme, host, port), "\r\n".join([*head, ""]).encode("ascii"))


class Http:
    """A pool. `trust` is for tests; by default the authorities that certifi lists are trusted."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self._trust = trust
        self._open: set[Connection] = set()
        self._idle: dict[Origin, list[Connection]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._opening = 0

    async def post(
        self, target: Target, body: bytes, *, connect_seconds: float, until: float
    ) -> Connection:
        """Send, and wait for the head of the answer. Hand the connection to `release` afterwards.

        Raises ProviderFailure; TimeoutError at `until` (loop time), if the request was sent.
        """
        connection = self._kept(target.origin)
        if connection is None:
            left = until - asyncio.get_running_loop().time()
            connection = await self._connected(target.origin, min(connect_seconds, left))
        try:
            connection.send(b"%bContent-Length: %d\r\n\r\n%b" % (target.head, len(body), body))
            await connection.head(until)
        except BaseException:
            connection.drop()
            raise
        return connection

    def release(self, origin: Origin, connection: Connection) -> None:
        """Keep the connection for the next call, or drop it if its answer was not read."""
        if not connection.is_reusable:
            connection.drop()
            return
        connection.rest()
        self._idle.setdefault(origin, []).append(connection)
        if self._sweep is None:
            self._sweep = _later(KEEPALIVE_SECONDS, self._drop_old)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._sweep:
            self._sweep.cancel()
        for connection in list(self._open):
            connection.drop()
        self._idle.clear()
        await asyncio.sleep(0)  # an aborted connection is gone one turn of the loop later

    def _kept(self, origin: Origin) -> Connection | None:
        """The connection that rested last: it is the likeliest to be alive."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.is_reusable and not _is_old(connection):
                return connection
            connection.drop()
        return None

    def _drop_old(self) -> None:
        self._sweep = None
        for connection in (c for idle in self._idle.values() for c in idle if _is_old(c)):
            connection.drop()
        alive = {o: [c for c in idle if c.is_open] for o, idle in self._idle.items()}
        self._idle = {origin: idle for origin, idle in alive.items() if idle}
        if self._idle:
            self._sweep = _later(KEEPALIVE_SECONDS, self._drop_old)

    async def _connected(self, origin: Origin, seconds: float) -> Connection:
        """A new connection. Raises ProviderFailure: nothing was sent, so nothing is billed."""
        if len(self._open) + self._opening >= MAX_CONNECTIONS:
            raise failures.unreachable("too many connections to providers are open")
        self._opening += 1
        try:
            async with asyncio.timeout(seconds):
                connection = await self._connect(origin)
        except TimeoutError:
            detail = f"too slow: the limit 'connect' of {seconds:.3g} s passed"
            raise failures.unreachable(detail) from None
        except ssl.SSLError:
            detail = "no trusted connection to the provider"
            raise failures.unreachable(detail, retry=False) from None
        except (OSError, ValueError, OverflowError):
            raise failures.unreachable("no connection to the provider") from None
        finally:
            self._opening -= 1
        if not connection.is_open:  # it was closed again while we waited for our turn
            raise failures.unreachable("no connection to the provider")
        self._open.add(connection)
        return connection

    async def _connect(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        is_tls = origin.scheme == "https"
        places = await loop.getaddrinfo(
            origin.host, origin.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
        sock = await aiohappyeyeballs.start_connection(
            places, happy_eyeballs_delay=SECOND_ADDRESS_SECONDS, interleave=1, loop=loop
        )
        _, connection = await loop.create_connection(
            lambda: Connection(self._open.discard),
            sock=sock,
            ssl=(self._trust or _trust()) if is_tls else None,
            server_hostname=origin.host if is_tls else None,
        )
        return connection


def _is_old(connection: Connection) -> bool:
    return asyncio.get_running_loop().time() - connection.idle_since > KEEPALIVE_SECONDS


def _later(seconds: float, work: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, work)


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """Reading the certificates takes tens of milliseconds: once for all loops."""
    return httpx.create_ssl_context(trust_env=False)

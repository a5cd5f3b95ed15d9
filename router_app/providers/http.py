"""The one module that knows httpx and the transport below it.

httpx's own connection pool is quadratic in open connections, so its API runs on aiohttp here.
Chosen with care: no redirects, no proxies or netrc from the environment, no cookies, no
decompression (a small gzip body can unpack to gigabytes), no repeats.

Foreign exceptions become ProviderFailure in this module and nowhere else. What matters is whether
the request may have reached the provider. The transport's own mapping cannot tell: it reports a
server that hung up on us as a connect timeout. So the cause below it is asked.
"""

from collections.abc import Mapping
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import SSLContext
from typing import cast

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from router_app.providers import failures
from router_app.providers.base import ProviderFailure

MAX_CONNECTIONS = 2_000
# Below the 5 s after which common servers (llama.cpp, uvicorn, Node) drop an idle connection: a
# POST that meets a closing socket fails, and is never repeated by itself.
KEEPALIVE_SECONDS = 4.0
BUFFER_BYTES = 64 * 1024  # per connection, before the transport stops reading ahead

_NO_ADDRESS = (
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)
_NO_TRUST = (aiohttp.ClientSSLError,)
_NO_TIME = (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout, httpx.PoolTimeout)
_NO_CONNECTION = (aiohttp.ClientConnectorError, httpx.ConnectError)
_NO_HTTP = (aiohttp.ClientResponseError, httpx.RemoteProtocolError, ValueError)
_FOREIGN = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    aiohttp.ClientError,
    OSError,
    ValueError,
)


class Reply:
    """The answer to a request: its head is there, its body is read on demand."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._chunks = aiter(cast(httpx.AsyncByteStream, response.stream))
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers  # looked up in any case

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_encoded(self) -> bool:
        """The body is compressed, though we asked for it as it is."""
        return self.headers.get("content-encoding", "identity").strip().lower() != "identity"

    async def read(self) -> bytes:
        """The next bytes; b"" at the end. Raises ProviderFailure (BROKEN_STREAM)."""
        try:
            return await anext(self._chunks, b"")
        except _FOREIGN:
            raise failures.broken("the connection broke in the middle of the answer") from None

    async def close(self) -> None:
        """Give the connection back, or drop it if the body was not read to its end."""
        try:
            await self._response.aclose()
        except _FOREIGN:
            return  # it broke while it was being dropped: dropped all the same


class Http:
    """One client, for one event loop; connections are opened at the first request.

    Tests inject a transport.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = httpx.AsyncClient(
            transport=transport or _transport(),
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def post(
        self, url: str, *, headers: Mapping[str, str], body: bytes, connect_seconds: float
    ) -> Reply:
        """Send, and wait for the head of the answer. Raises ProviderFailure.

        Only connecting is limited here; every other limit is the caller's.
        """
        # "pool" is the wait for a connection with all in it: a free place, resolving, TCP, TLS.
        limit = httpx.Timeout(None, connect=connect_seconds, pool=connect_seconds)
        try:
            request = self._client.build_request(
                "POST",
                url,
                headers={**headers, "Accept-Encoding": "identity"},
                content=body,
                timeout=limit,
            )
            return Reply(await self._client.send(request, stream=True))
        except _FOREIGN as error:
            raise _failure_before_answer(error, connect_seconds) from None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _failure_before_answer(error: Exception, connect_seconds: float) -> ProviderFailure:
    """Say whether the request can have been read. From the first byte sent on: it can."""
    cause = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
    if isinstance(cause, _NO_ADDRESS):
        return failures.unreachable("the provider's address cannot be used", retry=False)
    if isinstance(cause, _NO_TRUST):
        return failures.unreachable("no trusted connection to the provider", retry=False)
    if isinstance(cause, _NO_TIME):
        detail = f"too slow: the limit 'connect' of {connect_seconds:g} s passed"
        return failures.unreachable(detail)
    if isinstance(cause, _NO_CONNECTION):
        return failures.unreachable("no connection to the provider")
    if isinstance(cause, _NO_HTTP):
        return failures.garbage("the provider's answer is not HTTP")
    return failures.broken("the provider closed the connection before it answered")


def _transport() -> AiohttpTransport:
    return AiohttpTransport(verify=_trust(), trust_env=False, client=_session)


def _session() -> aiohttp.ClientSession:
    """Made inside the loop, at the first request."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            ssl=_trust(), limit=MAX_CONNECTIONS, keepalive_timeout=KEEPALIVE_SECONDS
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        read_bufsize=BUFFER_BYTES,
    )


@lru_cache(maxsize=1)
def _trust() -> SSLContext:
    """Reading the certificates takes tens of milliseconds: once for all loops."""
    return httpx.create_ssl_context(trust_env=False)

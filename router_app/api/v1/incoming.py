"""Reading a request as a server hands it over: its host, its key, its body."""

from functools import lru_cache

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.signals import setting_changed
from django.http.request import split_domain_port, validate_host

from router_app.api.errors import BodyTooLarge, UnsupportedMediaType
from router_app.api.v1.asgi import Headers, Receive, Scope
from router_app.errors import InvalidRequest, NotAuthenticated
from router_app.gateway import keys
from router_app.gateway.keys import Principal

LOCAL_HOSTS = (".localhost", "127.0.0.1", "[::1]")  # as Django has it with DEBUG and no setting
JSON = b"application/json"


def check_host(scope: Scope, headers: Headers) -> None:
    """Raises DisallowedHost for a host that the site does not answer to, as Django does."""
    if not _is_allowed(_host(scope, headers)):
        raise DisallowedHost


@lru_cache(maxsize=256)  # the names of a site are few; strangers' soon make room for others
def _is_allowed(host: str) -> bool:
    allowed = settings.ALLOWED_HOSTS or (LOCAL_HOSTS if settings.DEBUG else ())
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


setting_changed.connect(lambda **_: _is_allowed.cache_clear(), weak=False)  # tests change it


def _host(scope: Scope, headers: Headers) -> str:
    if (named := headers.get(b"host")) is not None:
        return named.decode("latin-1")
    server = scope.get("server") or ("unknown", None)
    return str(server[0])


async def caller_of(headers: Headers) -> Principal:
    """Whose key it is. Raises NotAuthenticated, the same whatever is wrong."""
    scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer":
        raise NotAuthenticated
    return await keys.authenticate(key.strip().decode("latin-1"))


def has_body(headers: Headers) -> bool:
    """Whether there is a body to be read."""
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


def check_type(headers: Headers) -> None:
    """Raises UnsupportedMediaType for what is not plain JSON."""
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != JSON or b"content-encoding" in headers:
        raise UnsupportedMediaType


async def read_body(receive: Receive, headers: Headers, most_bytes: int) -> bytes:
    """All of it. Raises BodyTooLarge as soon as that is known, InvalidRequest for half a body."""
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > most_bytes:
        raise BodyTooLarge
    part, more = await _next_part(receive)
    if not more and len(part) <= most_bytes:
        return part  # usually there is one part, which is then never copied
    body = bytearray(part)
    while more and len(body) <= most_bytes:
        part, more = await _next_part(receive)
        body.extend(part)  # in place: parts can be tiny, and many
    if len(body) > most_bytes:
        raise BodyTooLarge
    return bytes(body)


async def _next_part(receive: Receive) -> tuple[bytes, bool]:
    """A part of the body, and whether there are more."""
    message = await receive()
    if message["type"] != "http.request":
        raise InvalidRequest("This request could not be read.")
    return message.get("body", b""), message.get("more_body", False)

"""What a webhook's URL must look like. Pure: nothing is looked up here.

Strict, because two readers of one URL that disagree are how checks are passed: it is read once, and
what was read is all that is used. IP addresses have one spelling; the other ones (octal, hex, one
number, IPv4 inside IPv6) are refused whatever they mean.
"""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

import httpx

from router_app.errors import InvalidRequest
from router_app.webhooks.addresses import IPAddress, may_reach

MAX_URL_CHARACTERS = 2_048
MAX_NAME_CHARACTERS = 253  # of a host, RFC 1035
FIRST_FREE_PORT = 1_024  # those below belong to other services, such as mail

_PORTS = {"http": 80, "https": 443}
_SHAPE = re.compile(
    r"(?P<scheme>[a-z]+)://(?P<user>[^/?@]*@)?(?P<host>\[[0-9a-f:.]+\]|[^/?:@\[\]]+)"
    r"(?::(?P<port>[0-9]{1,5}))?(?:[/?].*)?",
    re.ASCII | re.IGNORECASE,
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # as the last label: never a name, RFC 1123
# Names that mean something else on every network, or nothing (RFC 6761, 6762, 8375; ICANN's choice)
_LOCAL_NAMES = ("localhost", "local", "internal", "home.arpa")


class Destination(NamedTuple):
    """Where a message goes. `address` is there if the URL names one instead of a host name."""

    scheme: str
    host: str  # ASCII, no brackets, no dot at the end
    port: int
    target: str  # path and query, ASCII
    address: IPAddress | None

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def check_url(url: str, *, allow_loopback: bool = False) -> None:
    """Raises InvalidRequest, with a sentence for whoever typed it, where `url` can never be used.

    `allow_loopback`: also this machine, and `http` to it; for tests and development. A host name's
    addresses are judged when a message is sent, for they may change at any time.
    """
    destination_of(url, allow_loopback=allow_loopback)


def destination_of(url: str, *, allow_loopback: bool = False) -> Destination:
    """The same, and what was read."""
    shape = _shape(url)
    scheme = shape["scheme"].lower()
    if scheme != "https" and not (allow_loopback and scheme == "http"):
        raise _no("A webhook's address begins with https://.")
    if shape["user"]:
        raise _no("A webhook's address holds no user name or password: what we send is signed.")
    port = int(shape["port"] or _PORTS[scheme])
    if port != _PORTS[scheme] and not FIRST_FREE_PORT <= port <= 65_535:
        raise _no("A webhook's port is 443, or one from 1024 to 65535.")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise _no("The webhook's host name cannot be used.") from None
    host, target = parsed.raw_host.decode("ascii"), parsed.raw_path.decode("ascii")
    if len(target) > MAX_URL_CHARACTERS:
        raise _too_long()
    address = _address(host)
    if address is None:
        host = host.removesuffix(".")
        _check_name(host, allow_loopback)
    elif not may_reach(address, allow_loopback=allow_loopback):
        raise _no("Webhooks are never sent to private, local or reserved addresses.")
    return Destination(scheme, host, port, target, address)


def _shape(url: str) -> re.Match[str]:
    if len(url) > MAX_URL_CHARACTERS:
        raise _too_long()
    if any(not char.isprintable() or char.isspace() or char == "\\" for char in url):
        raise _no("A webhook's address holds no spaces, line breaks or backslashes.")
    if "#" in url:
        raise _no("A webhook's address holds no '#': what follows it is never sent.")
    shape = _SHAPE.fullmatch(url)
    if shape is None:
        raise _no("A webhook's address looks like https://example.com/path.")
    return shape


def _address(host: str) -> IPAddress | None:
    """The address that the host is, or None for a name."""
    if ":" in host:
        return IPv6Address(host)  # httpx has read it as one
    if not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return None
    try:
        return IPv4Address(host)
    except ValueError:
        raise _no("An IP address is written as four decimal numbers, like 192.0.2.1.") from None


def _check_name(name: str, allow_loopback: bool) -> None:
    if allow_loopback and name == "localhost":
        return
    labels = name.split(".")
    if len(name) > MAX_NAME_CHARACTERS or not all(_LABEL.fullmatch(label) for label in labels):
        raise _no("The webhook's host name cannot be used.")
    if len(labels) == 1 or any(f".{name}".endswith(f".{local}") for local in _LOCAL_NAMES):
        raise _no("A webhook needs a host name that is known on the Internet.")


def _no(message: str) -> InvalidRequest:
    return InvalidRequest(message, param="url")


def _too_long() -> InvalidRequest:
    return _no(f"A webhook's address has at most {MAX_URL_CHARACTERS:,} characters.")

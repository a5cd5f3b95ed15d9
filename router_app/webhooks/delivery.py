"""Send one message once. Whether and when to try again is the caller's to do (`schedule.py`).

A name is looked up once. If any of its addresses is not public nothing is sent, and the connection
goes to one of those very addresses: no second look-up, so nothing can change in between.
"""

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from router_app.errors import InvalidRequest
from router_app.webhooks.addresses import IPAddress, may_reach
from router_app.webhooks.destination import Destination, destination_of
from router_app.webhooks.exchange import Line, connected
from router_app.webhooks.lookup import LookUp, look_up
from router_app.webhooks.message import Message, request_of
from router_app.webhooks.outcome import (
    Kind,
    Outcome,
    Undelivered,
    answered,
    failed,
    refused,
    too_slow,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds. No wait begins anew with another byte."""

    connect: float = 5.0  # from looking the name up until TLS stands
    total: float = 10.0


async def deliver(
    message: Message,
    *,
    limits: Limits = Limits(),
    allow_loopback: bool = False,
    resolver: LookUp = look_up,
    trust: ssl.SSLContext | None = None,
) -> Outcome:
    """Send `message` and say how it went. Whatever its receiver does, nothing is raised.

    `allow_loopback`: also to this machine, and by `http` there; for tests and development.
    `resolver` and `trust` are for tests.
    """
    try:
        destination = destination_of(message.url, allow_loopback=allow_loopback)
    except InvalidRequest as error:
        return refused(error.message)
    try:
        async with asyncio.timeout(limits.total):
            line = await _line(destination, limits, allow_loopback, resolver, trust)
            try:
                return answered(await line.post(request_of(message, destination, now=time.time())))
            finally:
                await line.hang_up()
    except Undelivered as end:
        return end.outcome
    except TimeoutError:
        return too_slow("did not answer", limits.total)


def deliver_now(
    message: Message, *, limits: Limits = Limits(), allow_loopback: bool = False
) -> Outcome:
    """The same for a thread without a loop. It takes no longer than `limits.total`."""
    return asyncio.run(deliver(message, limits=limits, allow_loopback=allow_loopback))


async def _line(
    destination: Destination,
    limits: Limits,
    allow_loopback: bool,
    resolver: LookUp,
    trust: ssl.SSLContext | None,
) -> Line:
    try:
        async with asyncio.timeout(limits.connect):
            addresses = await _addresses(destination, resolver)
            _check(destination, addresses, allow_loopback)
            return await connected(destination, addresses, trust)
    except TimeoutError:
        raise Undelivered(too_slow("took no connection", limits.connect)) from None


async def _addresses(destination: Destination, resolver: LookUp) -> Sequence[IPAddress]:
    """Where the host is, at least one address. Raises Undelivered."""
    if destination.address is not None:
        return [destination.address]
    try:
        found = [ip_address(text) for text in await resolver(destination.host)]
    except (OSError, ValueError):
        found = []
    if not found:
        raise Undelivered(failed(Kind.DNS))
    return list(dict.fromkeys(found))


def _check(destination: Destination, addresses: Sequence[IPAddress], allow_loopback: bool) -> None:
    """Raises Undelivered unless all of them may be reached; without TLS, only on this machine."""
    if not all(may_reach(each, allow_loopback=allow_loopback) for each in addresses):
        raise Undelivered(failed(Kind.REFUSED_ADDRESS))
    if destination.scheme != "https" and not all(each.is_loopback for each in addresses):
        raise Undelivered(refused("Without https, webhooks are sent to this machine only."))

"""Who serves an endpoint.

One adapter per event loop, because connections belong to a loop; today every endpoint speaks the
same protocol, so its slug makes no difference. Tests and commands put another provider in place.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from router_app.providers.base import Endpoint, Provider
from router_app.providers.openai_compatible import OpenAICompatible

_lock = threading.Lock()
_of_loop: dict[asyncio.AbstractEventLoop, OpenAICompatible] = {}
_instead: list[Provider] = []


def provider_for(endpoint: Endpoint) -> Provider:
    """The provider that calls `endpoint`; asked inside the event loop that will make the call."""
    if _instead:
        return _instead[-1]
    loop = asyncio.get_running_loop()
    if (known := _of_loop.get(loop)) is not None:
        return known
    with _lock:
        if loop not in _of_loop:
            _forget_closed_loops()
            _of_loop[loop] = OpenAICompatible()
        return _of_loop[loop]


@contextmanager
def use_provider(provider: Provider) -> Iterator[Provider]:
    """While inside, `provider` serves every endpoint, in all threads of this process."""
    _instead.append(provider)
    try:
        yield provider
    finally:
        _instead.remove(provider)


async def aclose_all() -> None:
    """Close the connections of the running loop. Call it before the loop ends."""
    with _lock:
        provider = _of_loop.pop(asyncio.get_running_loop(), None)
        _forget_closed_loops()
    if provider:
        await provider.aclose()


def _forget_closed_loops() -> None:
    """Their connections died with them."""
    for loop in [loop for loop in _of_loop if loop.is_closed()]:
        del _of_loop[loop]

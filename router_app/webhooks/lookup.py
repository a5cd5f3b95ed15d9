"""From a host name to its addresses, as this machine's resolver knows them.

In threads of its own: a look-up cannot be cancelled, and a hostile name server can make it last for
half a minute. On the loop's threads it would hold up others, and the end of the loop.
"""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future

MAX_LOOKUPS = 32  # that wait at once in a process

LookUp = Callable[[str], Awaitable[Sequence[str]]]

_places = threading.BoundedSemaphore(MAX_LOOKUPS)


async def look_up(host: str) -> Sequence[str]:
    """All addresses of `host`, as text. Raises OSError where there are none, or too many wait."""
    if not _places.acquire(blocking=False):
        raise OSError("too many look-ups are waiting")
    answer: Future[Sequence[str]] = Future()
    answer.set_running_or_notify_cancel()  # whoever stops waiting does not stop the thread
    thread = threading.Thread(target=_ask, args=(host, answer), name="webhook-lookup", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        _places.release()
        raise OSError("no thread to look a name up with") from None
    return await asyncio.wrap_future(answer)


def _ask(host: str, answer: Future[Sequence[str]]) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except Exception as error:
        _places.release()
        answer.set_exception(error)
    else:
        _places.release()
        answer.set_result([str(place[4][0]) for place in found])

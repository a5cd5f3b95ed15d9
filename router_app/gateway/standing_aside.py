"""The event loop stands aside while the writer's statements run.

Between two statements a thread gives the interpreter away. A loop that is busy takes it then, and
keeps it until it is asked for it back, which takes a millisecond: a batch of thirteen statements
waits for that up to thirteen times, and what the loop does meanwhile it would have done a moment
later anyway. So it is asked to wait for the statements, which are quick on a database in the same
process, and not for the commit, which waits for the disk and needs no interpreter.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# At most: what waits for a lock or for the disk must not stop everybody who does not.
LONGEST_SECONDS = 0.02


@contextmanager
def standing_aside(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Let `loop`, of another thread, wait from its next turn on until the block ends."""
    in_use = threading.Lock()
    in_use.acquire()
    with suppress(RuntimeError):  # it is closed
        loop.call_soon_threadsafe(in_use.acquire, True, LONGEST_SECONDS)
    try:
        yield
    finally:
        in_use.release()

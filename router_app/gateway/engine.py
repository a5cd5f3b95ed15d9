"""Where runs live: the server's event loop, or a loop of our own where there is none.

A run outlives the request that asked for it, so it needs a loop that does. Under the ASGI server
that is the server's own; commands and the test client bring loops that end with each request, so
there a background thread keeps one.
"""

import asyncio
import math
import threading
import time
import uuid
from contextlib import suppress

from router_app.alerts import worker as alerts
from router_app.analytics import mirror
from router_app.errors import Unavailable
from router_app.gateway.execution import Run
from router_app.gateway.writer import writer
from router_app.providers.registry import aclose_all

SETTLING_SECONDS = 5.0  # for runs that were stopped at the end to be booked

_server_loop: asyncio.AbstractEventLoop | None = None
_own_loop: asyncio.AbstractEventLoop | None = None
_own_thread = threading.Thread(name="runs")
_own_loop_lock = threading.Lock()
_runs: dict[uuid.UUID, Run] = {}
_closes_at = math.inf  # by time.monotonic(); infinite while nobody has asked the server to end


def startup(loop: asyncio.AbstractEventLoop) -> None:
    """The server is up: runs live on its loop from now on."""
    global _server_loop, _closes_at
    _server_loop, _closes_at = loop, math.inf
    mirror.start_worker()
    alerts.start_worker()


def leave(after_seconds: float = 0.0) -> None:
    """The server will end: whoever asks is told so now, new requests are refused a little later."""
    global _closes_at
    _closes_at = min(_closes_at, time.monotonic() + after_seconds)


async def shutdown(grace_seconds: float) -> None:
    """Let runs end by themselves, stop the rest, see everything booked and mirrored."""
    global _server_loop
    leave()
    with suppress(Unavailable):
        await writer.soon(lambda: None)  # what was in line before this is admitted now,
    await asyncio.sleep(0)  # and after this turn of the loop it is a run
    await wait_for_runs(grace_seconds)
    for run in list(_runs.values()):
        run.stop(by_server=True)
    await wait_for_runs(SETTLING_SECONDS)
    await aclose_all()
    # At once: each may wait for a slow disk, and what all of this may take is bounded.
    await asyncio.gather(
        asyncio.to_thread(mirror.stop_worker), asyncio.to_thread(alerts.stop_worker)
    )
    await asyncio.to_thread(writer.stop)
    _server_loop = None


def finish(seconds: float = SETTLING_SECONDS) -> None:
    """The same for a command or a test run, whose runs live on the background loop."""
    global _own_loop
    asyncio.run(wait_for_runs(seconds))
    with _own_loop_lock:
        loop, _own_loop = _own_loop, None
    if loop is not None:
        asyncio.run_coroutine_threadsafe(aclose_all(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        _own_thread.join()
        loop.close()
    mirror.stop_worker()
    writer.stop()


def is_leaving() -> bool:
    """Whether the server will end soon, so that others should be asked."""
    return _closes_at < math.inf


def is_closing() -> bool:
    """Whether the server is ending and takes nothing new."""
    return time.monotonic() >= _closes_at


def under_way() -> int:
    """How many runs live in this process."""
    return len(_runs)


def launch(run: Run) -> None:
    """Start a run; it is found by its decision's id until it has ended."""
    _runs[run.decision_id] = run
    loop = _server_loop or _background_loop()
    if loop is _running_loop():
        _begin(run)
    else:
        loop.call_soon_threadsafe(_begin, run)


def find(decision_id: uuid.UUID) -> Run | None:
    """The run of this decision, while it is under way in this process."""
    return _runs.get(decision_id)


async def wait_for_runs(seconds: float) -> None:
    """Return when no run is left, or after so many seconds."""
    ended = [asyncio.create_task(run.ended()) for run in list(_runs.values())]
    if ended:
        _, late = await asyncio.wait(ended, timeout=seconds)
        for task in late:
            task.cancel()


def _begin(run: Run) -> None:
    # A loop holds its tasks weakly; this one is held by its run, and that by `_runs`.
    asyncio.get_running_loop().create_task(_execute(run))


async def _execute(run: Run) -> None:
    try:
        await run.execute()
    finally:
        _runs.pop(run.decision_id, None)
        mirror.poke()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _background_loop() -> asyncio.AbstractEventLoop:
    global _own_loop, _own_thread
    with _own_loop_lock:
        if _own_loop is None:
            _own_loop = asyncio.new_event_loop()
            _own_thread = threading.Thread(target=_own_loop.run_forever, name="runs", daemon=True)
            _own_thread.start()
        return _own_loop

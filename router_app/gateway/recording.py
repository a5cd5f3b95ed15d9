"""Making a request under an Idempotency-Key, and recording its reply as it is given.

The run, the making of the reply and its recording are one task of the process: whether the client
still listens changes nothing, since it will come back with the same key. Clients follow the reply
as it is made; they see its end only when it is recorded.
"""

import asyncio
import logging
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

from router_app.errors import KeyInUse, Unavailable
from router_app.gateway import engine, service
from router_app.gateway.broadcast import Broadcast
from router_app.gateway.execution import Run
from router_app.gateway.idempotency import (
    AnsweredBefore,
    Claim,
    Recorded,
    claiming,
    find_all,
    write_all,
)
from router_app.gateway.jobs import Together
from router_app.gateway.requests import RouteRequest
from router_app.gateway.writer import writer

logger = logging.getLogger(__name__)

MOST_KEPT_BYTES = 4 * 1024 * 1024  # of one reply, compressed
PIECE_BYTES = 64 * 1024  # of a replay
FINISHING_SECONDS = 5.0
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)  # while the database is away; less than RECORDED_WITHIN


@dataclass(frozen=True, slots=True)
class Reply:
    """A face's reply to a run: for a stream as many pieces as there are, else one."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncGenerator[bytes]
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    headers: Mapping[str, str]


# Makes the reply to a run. Ends it well or badly, it must not raise: what it says is recorded.
Respond = Callable[[Run], Awaitable[Reply]]
_Event = _Head | bytes | Recorded | Exception
_Live = Broadcast[_Event]

_tasks: set[asyncio.Task[None]] = set()
# In this process, so that of many at once one comes to the database. Rows decide between processes.
_under_way: set[Claim] = set()


async def once(claim: Claim, request: RouteRequest, respond: Respond) -> Reply:
    """The reply to a request that is made at most once, as it comes or as it was recorded.

    Raises what `service.start` does, KeyReused, KeyInUse or OutcomeUnknown.
    """
    found = await writer.soon(Together(find_all, claim))
    if isinstance(found, Recorded):
        return _replay(found)
    if found is not None:
        raise found
    if claim in _under_way:
        raise KeyInUse
    _under_way.add(claim)
    live: _Live = Broadcast()
    _spawn(lambda: _make(claim, request, respond, live))
    events = live.follow()
    match await anext(events, None):
        case _Head(status, headers):
            return Reply(status, headers, _pieces(events))
        case Recorded() as recorded:
            return _replay(recorded)
        case Exception() as error:
            raise error
    raise Unavailable("This request was ended by the server.")


async def finish() -> None:
    """At the server's end, when its runs have ended: see recorded what they left behind."""
    if _tasks:
        await asyncio.wait(set(_tasks), timeout=FINISHING_SECONDS)
    await asyncio.to_thread(writer.stop)


async def _make(claim: Claim, request: RouteRequest, respond: Respond, live: _Live) -> None:
    try:
        run = await service.start(request, record=claiming(claim))
        await _record(run, await respond(run), live)
    except AnsweredBefore as answered:
        live.send(answered.recorded)
    except Exception as error:
        live.send(error)
    finally:
        _under_way.discard(claim)
        live.close()


async def _record(run: Run, reply: Reply, live: _Live) -> None:
    kept, held = _Kept(), []
    live.send(_Head(reply.status, reply.headers))
    async for piece in reply.pieces:
        kept.add(piece)
        if service.find_run(run.decision_id) is None:
            held.append(piece)  # the call has ended: whoever sees the rest finds it recorded
        else:
            live.send(piece)
    recorded = Recorded(reply.status, reply.headers, kept.body())
    await _surely(Together(write_all, (run.decision_id, recorded)))
    for piece in held:
        live.send(piece)


async def _surely(operation: Callable[[], None]) -> None:
    """Write it down, though the database is away for a while; if it stays so, go on without.

    The reply was made and paid for: whoever waits gets it in any case.
    """
    for pause in (0.0, *PAUSES):
        try:
            await asyncio.sleep(pause)
            return await writer.run(operation)
        except Unavailable:
            continue
        except Exception:
            logger.exception("a reply could not be recorded")
            break
    logger.error("a reply was not recorded; under its key the outcome stays unknown")
    return None


class _Kept:
    """What has been said, compressed as it comes: a long stream takes little room."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(1, zlib.DEFLATED, 13, 5)  # a window of 8 KiB: 48 KiB here
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Keep one more piece."""
        self._keep(self._deflate.compress(piece))

    def body(self) -> bytes:
        """All of it; empty where it is too much."""
        self._keep(self._deflate.flush())
        return b"".join(self._parts)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > MOST_KEPT_BYTES:
            self._parts = []
        elif part:
            self._parts.append(part)


def _replay(recorded: Recorded) -> Reply:
    return Reply(recorded.status, recorded.headers, _said(recorded.body), is_replay=True)


async def _said(body: bytes) -> AsyncGenerator[bytes]:
    inflate, left = zlib.decompressobj(), body
    while not inflate.eof:
        yield inflate.decompress(left, PIECE_BYTES)
        left = inflate.unconsumed_tail


async def _pieces(events: AsyncIterator[_Event]) -> AsyncGenerator[bytes]:
    async for event in events:
        if isinstance(event, Exception):
            raise event
        if isinstance(event, bytes):
            yield event


def _spawn(work: Callable[[], Awaitable[None]]) -> None:
    """Begin a task where runs live, which is not where the request is read."""
    loop = engine._server_loop or engine._background_loop()

    def begin() -> None:
        task = loop.create_task(_run(work))
        _tasks.add(task)  # a loop holds its tasks weakly
        task.add_done_callback(_tasks.discard)

    loop.call_soon_threadsafe(begin)


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    await work()

"""Server-sent events of an answer being written.

Frames: `delta` {"text"} with the number of characters so far as its id, `thinking`, `switched`
{"model", "reason"}, and at last `done` {"html"}, or `gone` where the message was deleted. A
follower that comes back names the id it has and gets what is missing, nothing twice.

Following starts nothing and ends nothing: the run belongs to its process. Where that is another
one, or is gone, the database is followed instead.
"""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from router_app.gateway import service
from router_app.gateway.expiry import expire_overdue
from router_app.gateway.requests import Delta, RunEvent, Switched, Thinking
from router_app.models import Message

FOLLOW_SECONDS = 0.4  # how often the database is asked for more text
EXPIRE_SECONDS = 5.0  # how often it is asked whether the run is past its lease
HEARTBEAT_SECONDS = 15.0  # a comment, so that nothing in between takes the silence for an end
RECONNECT_MILLISECONDS = 1_000
HEARTBEAT = ": still writing\n\n"

Finished = Callable[[], Awaitable[str]]  # the answer's final markup


def stream_response(frames: AsyncIterator[str]) -> StreamingHttpResponse:
    """The frames as a response that nothing in between may keep or collect."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(frames, content_type="text/event-stream", headers=headers)


def offset_of(request: HttpRequest) -> int:
    """How many characters the follower has: after a reconnect as it says, else as its page had."""
    given = request.headers.get("Last-Event-ID") or request.GET.get("from") or "0"
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else 0


async def frames(message: Message, offset: int, finished: Finished) -> AsyncGenerator[str]:
    """Everything of this answer from `offset` characters on, to its end."""
    # Django would keep the request's connection to the end, and a pool has few for many readers.
    await sync_to_async(close_old_connections)()
    yield f"retry: {RECONNECT_MILLISECONDS}\n\n"
    async with aclosing(_with_heartbeat(_Follower(offset).frames(message))) as all_frames:
        async for frame in all_frames:
            yield frame
    with suppress(Message.DoesNotExist):
        yield _frame("done", {"html": await finished()})
        return
    yield _frame("gone", {})


class _Follower:
    """Knows how much of the text its reader has."""

    def __init__(self, offset: int) -> None:
        self._has = offset
        self._passed = 0  # characters of the run's own events
        self._is_thinking = False  # it was told so

    async def frames(self, message: Message) -> AsyncGenerator[str]:
        """From the run while it is in this process, then from the database until it is closed."""
        run = service.find_run(message.decision_id) if message.decision_id else None
        if run is not None:
            async for event in run.events():
                if frame := self._of_event(event):
                    yield frame
        async for text in _stored_texts(message.pk):
            if frame := self._of_text(text[self._has :]):
                yield frame

    def _of_event(self, event: RunEvent) -> str:
        if isinstance(event, Delta):
            missing = event.text[max(0, self._has - self._passed) :]
            self._passed += len(event.text)
            return self._of_text(missing)
        if isinstance(event, Switched):
            return _frame("switched", {"model": event.model, "reason": event.reason})
        if self._is_thinking or not isinstance(event, Thinking):
            return ""
        self._is_thinking = True
        return _frame("thinking", {})

    def _of_text(self, text: str) -> str:
        self._has += len(text)
        return _frame("delta", {"text": text}, id=self._has) if text else ""


async def _stored_texts(message_id: uuid.UUID) -> AsyncIterator[str]:
    """The text as the database has it, again and again until the answer is closed."""
    expire_at = 0.0
    while (stored := await sync_to_async(_stored)(message_id)) is not None:
        text, is_writing, user_id = stored
        yield text
        if not is_writing:
            return
        if time.monotonic() >= expire_at:
            await sync_to_async(expire_overdue)(now=timezone.now(), user_id=user_id)
            expire_at = time.monotonic() + EXPIRE_SECONDS
        await sync_to_async(close_old_connections)()
        await asyncio.sleep(FOLLOW_SECONDS)


def _stored(message_id: uuid.UUID) -> tuple[str, bool, int] | None:
    found = Message.objects.filter(pk=message_id).values_list(
        "text", "state", "conversation__user_id"
    )
    row = found.first()
    return (row[0], row[1] == Message.State.WRITING, row[2]) if row else None


async def _with_heartbeat(inner: AsyncGenerator[str]) -> AsyncGenerator[str]:
    """The same frames, and a comment whenever there was none for a while."""
    upcoming: asyncio.Future[str] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(anext(inner))
            done, _ = await asyncio.wait({upcoming}, timeout=HEARTBEAT_SECONDS)
            if not done:
                yield HEARTBEAT
                continue
            finished, upcoming = upcoming, None
            try:
                frame = finished.result()
            except StopAsyncIteration:
                return
            yield frame
    finally:
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.wait({upcoming})
        await inner.aclose()


def _frame(event: str, data: dict[str, str], *, id: int | None = None) -> str:  # noqa: A002
    """One frame; JSON keeps line breaks out of the protocol."""
    number = "" if id is None else f"id: {id}\n"
    return f"event: {event}\n{number}data: {json.dumps(data)}\n\n"

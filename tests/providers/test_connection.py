"""One connection, without a network: however the bytes are cut, the answer is the same."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router_app.providers.base import FailureKind, ProviderFailure
from router_app.providers.connection import BUFFER_BYTES, MAX_HEAD_BYTES, Connection

K = FailureKind
SOON = 10.0  # seconds, in which nothing here should have to wait


class Wire:
    """The transport's side."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.is_paused = False
        self.is_aborted = False
        self.unsent_bytes = 0

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes

    def pause_reading(self) -> None:
        assert not self.is_paused
        self.is_paused = True

    def resume_reading(self) -> None:
        assert self.is_paused
        self.is_paused = False

    def abort(self) -> None:
        self.is_aborted = True


def connected() -> tuple[Connection, Wire]:
    """A connection on a wire, with a request sent."""
    connection, wire = Connection(lambda _: None), Wire()
    connection.connection_made(cast(asyncio.Transport, wire))
    connection.send(b"request")
    return connection, wire


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    """In a loop of its own."""

    async def main() -> Any:
        return await work()

    return asyncio.run(main())


async def answer_of(connection: Connection) -> tuple[int, bytes] | ProviderFailure:
    """Status and body, or what went wrong."""
    until = asyncio.get_running_loop().time() + SOON
    body = b""
    try:
        await connection.head(until)
        while data := await connection.read(until):
            body += data
    except ProviderFailure as failure:
        return failure
    return connection.status, body


def received(pieces: Sequence[bytes], *, then_closes: bool = True) -> Any:
    """What comes of these bytes: the answer, and whether the connection can be used again."""

    async def work() -> Any:
        connection, wire = connected()
        for piece in pieces:
            if not wire.is_aborted:
                connection.data_received(piece)
        was_open = connection.is_open
        if then_closes:
            connection.connection_lost(None)
        answer = await answer_of(connection)
        connection.is_open = was_open
        is_reusable = connection.is_reusable
        said = (answer.kind, answer.detail) if isinstance(answer, ProviderFailure) else answer
        return said, is_reusable

    return run(work)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """In pieces, none of them empty."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(edges)]


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Empty:\r\n"
CLOSED_EARLY = (K.BROKEN_STREAM, "the provider closed the connection before it answered")
BROKE = (K.BROKEN_STREAM, "the connection broke in the middle of the answer")
NOT_HTTP = (K.PROTOCOL, "the provider's answer is not HTTP")

RESPONSES: dict[bytes, Any] = {
    OK + b"Content-Length: 5\r\n\r\nhello": ((200, b"hello"), True),
    OK + b"Content-Length: 0\r\n\r\n": ((200, b""), True),
    OK + b"Content-Length: 5\r\nConnection: close\r\n\r\nhello": ((200, b"hello"), False),
    OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n": (
        (200, b"hello"),
        True,
    ),
    OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nContent-Type: no\r\n\r\n": (
        (200, b"hello"),
        True,
    ),
    OK + b"\r\nhello": ((200, b"hello"), False),  # until closed
    b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello": ((200, b"hello"), False),
    b"HTTP/1.1 204 No Content\r\n\r\n": ((204, b""), True),
    b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi": (
        (200, b"hi"),
        True,
    ),
    OK + b"Content-Length: 5\r\n\r\nhell": (BROKE, False),
    OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n": (BROKE, False),
    OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\nzz\r\nllo": (BROKE, False),
    OK[:-4]: (CLOSED_EARLY, False),
    b"": (CLOSED_EARLY, False),
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n": (
        NOT_HTTP,
        False,
    ),
    b"SSH-2.0-OpenSSH_9.9\r\n": (NOT_HTTP, False),
    OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!": (NOT_HTTP, False),
    OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello": (NOT_HTTP, False),
    OK + b"Content-Length: -5\r\n\r\nhello": (NOT_HTTP, False),
    OK + b"X: a\r\n b\r\n\r\n": (NOT_HTTP, False),
}


@pytest.mark.parametrize("response", RESPONSES)
def test_what_a_response_says(response: bytes) -> None:
    assert received([response]) == RESPONSES[response]


@given(response=st.sampled_from(list(RESPONSES)), places=st.lists(st.integers(0, 300)))
@example(response=next(iter(RESPONSES)), places=list(range(100)))
def test_where_the_bytes_are_cut_makes_no_difference(response: bytes, places: list[int]) -> None:
    assert received(cut(response, places)) == RESPONSES[response]


@given(
    pieces=st.lists(
        st.binary(max_size=20)
        | st.sampled_from([OK, b"\r\n", b"Content-Length: 3\r\n\r\n", b"HTTP/1.1 ", b"0\r\n\r\n"])
    )
)
def test_no_bytes_raise(pieces: list[bytes]) -> None:
    received(pieces)


@pytest.mark.parametrize(
    "surplus", [b"\r\n", b"x", OK, OK + b"Content-Length: 5\r\n\r\nghost", b"\x00" * 70_000]
)
@pytest.mark.parametrize("together", [True, False])
def test_what_follows_the_answer_belongs_to_nobody(surplus: bytes, together: bool) -> None:
    """The answer stands, and the connection is not used again."""
    answer = OK + b"Content-Length: 5\r\n\r\nhello"
    pieces = [answer + surplus] if together else [answer, surplus]
    said, is_reusable = received(pieces)
    assert said == (200, b"hello")
    assert not is_reusable or surplus == b"\r\n"  # which HTTP tells us to overlook


def test_bytes_before_the_first_request_close_the_connection() -> None:
    async def work() -> None:
        connection, wire = Connection(lambda _: None), Wire()
        connection.connection_made(cast(asyncio.Transport, wire))
        connection.data_received(OK)
        assert wire.is_aborted and not connection.is_open

    run(work)


def test_an_answer_before_the_request_was_read_ends_the_connection() -> None:
    """A server that refuses a large body while it is being sent."""

    async def work() -> None:
        connection, wire = connected()
        wire.unsent_bytes = 1
        connection.data_received(OK + b"Content-Length: 0\r\n\r\n")
        assert await answer_of(connection) == (200, b"")
        assert not connection.is_reusable

    run(work)


def test_an_answer_that_was_not_read_ends_the_connection() -> None:
    async def work() -> None:
        connection, _ = connected()
        connection.data_received(OK + b"Content-Length: 2\r\n\r\nhi")
        assert connection.is_complete and not connection.is_reusable
        assert await answer_of(connection) == (200, b"hi")
        assert connection.is_reusable

    run(work)


@pytest.mark.parametrize(
    "flood",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEAD_BYTES,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * MAX_HEAD_BYTES,
        b"HTTP/1.1 200 " + b"x" * MAX_HEAD_BYTES,
        b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_HEAD_BYTES // 20),
    ],
)
def test_a_head_without_an_end(flood: bytes) -> None:
    (kind, detail), _ = received(cut(flood, list(range(0, len(flood), 1000))))
    assert (kind, detail) == (K.PROTOCOL, "the provider's answer has too large a head")


def test_trailers_without_an_end() -> None:
    trailers = b"X: y\r\n" * MAX_HEAD_BYTES
    body = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
    said, is_reusable = received([body, *cut(trailers, list(range(0, len(trailers), 1000)))])
    assert (said, is_reusable) == (BROKE, False)


def test_a_sender_waits_for_a_slow_reader() -> None:
    async def work() -> None:
        connection, wire = connected()
        size = 3 * BUFFER_BYTES
        connection.data_received(OK + b"Content-Length: %d\r\n\r\n" % size)
        for _ in range(2):
            connection.data_received(b"x" * BUFFER_BYTES)
        assert wire.is_paused
        until = asyncio.get_running_loop().time() + SOON
        assert len(await connection.read(until)) == 2 * BUFFER_BYTES
        assert not wire.is_paused
        connection.data_received(b"x" * BUFFER_BYTES)
        assert len(await connection.read(until)) == BUFFER_BYTES
        assert await connection.read(until) == b""

    run(work)


def test_a_wait_ends_when_it_should_whatever_was_waited_for_before() -> None:
    """The timer of an exchange is moved to and fro: later for some waits, earlier for others."""

    async def work() -> None:
        connection, _ = connected()
        loop = asyncio.get_running_loop()
        start = loop.time()
        for offset in (0.05, 0.02, 0.08, 0.081, 0.03):  # the last has passed by then
            with pytest.raises(TimeoutError):
                await connection.head(start + offset)
            assert loop.time() >= start + offset
        waiting = asyncio.create_task(answer_of(connection))
        await asyncio.sleep(0)
        connection.data_received(OK + b"Content-Length: 2\r\n\r\nhi")
        assert await waiting == (200, b"hi")

    run(work)


def test_a_timer_that_rings_too_early_looks_again() -> None:
    async def work() -> None:
        connection, _ = connected()
        loop = asyncio.get_running_loop()
        start = loop.time()
        connection.data_received(OK + b"Content-Length: 4\r\n\r\n")
        first = asyncio.create_task(connection.read(start + 0.03))
        await asyncio.sleep(0)
        connection.data_received(b"hi")
        assert await first == b"hi"
        with pytest.raises(TimeoutError):
            await connection.read(start + 0.09)
        assert loop.time() >= start + 0.09

    run(work)


def test_a_reader_that_gives_up_leaves_nothing_behind() -> None:
    async def work() -> None:
        connection, _ = connected()
        waiting = asyncio.create_task(answer_of(connection))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        connection.data_received(OK)
        connection.drop()
        connection.drop()
        connection.connection_lost(None)
        assert isinstance(await answer_of(connection), ProviderFailure)

    run(work)

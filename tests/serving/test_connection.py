"""A client's connection, seen from a raw socket: what is served, refused, and in which order."""

import asyncio
import gc
import socket
import weakref
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from budgetrouter.serving import connection
from budgetrouter.serving.worker import Connection

SECONDS = 20
MUCH = 8 * 1024 * 1024
HOST = b"Host: a\r\n"
CLOSE = HOST + b"Connection: close\r\n"


async def begin(send: Any, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def say(send: Any, body: bytes, *, more: bool = False) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def in_pieces(send: Any) -> None:
    await begin(send)
    for piece in (b"one ", b"", b"two"):
        await say(send, piece, more=True)
    await say(send, b"")


async def too_short(send: Any) -> None:
    await begin(send, (b"content-length", b"9"))
    await say(send, b"short")


async def too_long(send: Any) -> None:
    await begin(send, (b"content-length", b"2"))
    await say(send, b"long")


async def unfinished(send: Any) -> None:
    await begin(send)
    await say(send, b"half", more=True)


async def failing(send: Any) -> None:
    raise ZeroDivisionError("a secret")


async def failing_later(send: Any) -> None:
    await unfinished(send)
    await failing(send)


async def closing(send: Any) -> None:
    await begin(send, (b"connection", b"close"), (b"content-length", b"3"))
    await say(send, b"end")


async def nothing(send: Any) -> None:
    """An application that ends without a word."""


REPLIES = {
    "/pieces": in_pieces,
    "/short": too_short,
    "/long": too_long,
    "/unfinished": unfinished,
    "/failing": failing,
    "/later": failing_later,
    "/closing": closing,
    "/nothing": nothing,
}


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers with what it was asked: method, path, scheme, names of headers, body."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    if scope["path"] in REPLIES:
        await REPLIES[scope["path"]](send)
        return
    names = b",".join(name for name, _ in scope["headers"])
    said = [scope["method"].encode(), scope["path"].encode(), scope["scheme"].encode(), names, body]
    answer = b"|".join(said)
    headers = [(b"content-length", str(len(answer)).encode())]
    if scope["path"] == "/split":
        headers.append((b"x-a", b"b\r\nx-c: d"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def a_worker(application: Any = echo, *, alive: bool = True) -> Any:
    """What a connection needs of its server."""
    config = Config()
    config.set("keepalive", 1)
    loop, log = asyncio.get_running_loop(), Logger(config)
    return SimpleNamespace(cfg=config, log=log, asgi=application, loop=loop, alive=alive)


def ask(*parts: bytes, application: Any = echo, alive: bool = True) -> bytes:
    """All that comes back until the server closes, each part sent by itself."""

    async def story() -> bytes:
        loop, worker = asyncio.get_running_loop(), a_worker(application, alive=alive)
        server = await loop.create_server(lambda: Connection(worker), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.002)
        answer = bytearray()
        with suppress(ConnectionError):
            async with asyncio.timeout(SECONDS):
                while piece := await reader.read(1 << 16):
                    answer += piece
        writer.close()
        server.close()
        return bytes(answer)

    return asyncio.run(story())


def bodies(answer: bytes) -> list[bytes]:
    """The bodies of the answers, each of which must be a 200 with its length."""
    found = []
    while answer:
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        found.append(rest[:length])
        answer = rest[length:]
    return found


ONE = b"POST /a%20b?c HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc"
LAST = b"GET /last HTTP/1.1\r\n" + CLOSE + b"\r\n"
TO_ONE = b"POST|/a b|http|host,content-length|abc"
TO_LAST = b"GET|/last|http|host,connection|"
CHUNKED = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKED += b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
TO_CHUNKED = b"POST|/|http|host,transfer-encoding|abc"


@pytest.mark.parametrize("first, answer", [(ONE, TO_ONE), (CHUNKED, TO_CHUNKED)])
def test_requests_are_answered_in_order_however_they_are_cut(first: bytes, answer: bytes) -> None:
    whole = first + first + LAST

    assert bodies(ask(first, first, LAST)) == [answer, answer, TO_LAST]
    for place in (len(whole), 9, len(first) - 1, len(first) + 9, len(whole) - 1):
        assert bodies(ask(whole[:place], whole[place:])) == [answer, answer, TO_LAST]


def test_a_head_that_trickles_is_read() -> None:
    assert bodies(ask(*(bytes([byte]) for byte in ONE + LAST))) == [TO_ONE, TO_LAST]


def test_an_idle_connection_is_closed() -> None:
    assert bodies(ask(ONE)) == [TO_ONE]


def test_head_is_answered_without_a_body() -> None:
    answer = ask(b"HEAD / HTTP/1.1\r\n" + CLOSE + b"\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK\r\ncontent-length: ")
    assert answer.endswith(b"\r\nConnection: close\r\n\r\n")


def test_who_waits_for_leave_to_send_gets_it() -> None:
    head = b"POST / HTTP/1.1\r\n" + CLOSE + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"

    answer = ask(head, b"abc")

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"|abc")


def test_an_older_client_is_answered_once() -> None:
    answer = ask(b"GET / HTTP/1.0\r\n\r\n" + LAST)

    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert answer.endswith(b"GET|/|http||")


def test_a_proxy_beside_us_is_believed_the_scheme_and_nobody_an_underscore() -> None:
    headers = CLOSE + b"X-Forwarded-Proto: https\r\nX_Forwarded_For: 1\r\n\r\n"

    assert bodies(ask(b"GET / HTTP/1.1\r\n" + headers)) == [
        b"GET|/|https|host,connection,x-forwarded-proto|"
    ]


POST = b"POST / HTTP/1.1\r\n" + HOST


@pytest.mark.parametrize(
    "request_, status",
    [
        (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Content-Length: 0\r\nContent-Length: 9\r\n\r\n", 400),
        (POST + b"Content-Length: 0\r\n Content-Length: 9\r\n\r\n", 400),
        (POST + b"Content-Length : 0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: xchunked\r\n\r\n", 501),
        (POST + b"A: b\nContent-Length: 9\r\n\r\n", 400),
        (POST.replace(b"\r\n", b"\n") + b"\n", 400),
        (POST + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 400),
        (b"GET /" + b"a" * 4096 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (POST + b"A: b\r\n" * 100 + b"\r\n", 431),
        (POST + b"A: " + b"b" * 8190 + b"\r\n\r\n", 431),
        (POST + b"A: b\r\n c\r\n\r\n", 400),
        (POST + b"A: b\rContent-Length: 9\r\n\r\n", 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
        (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET nowhere HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"CONNECT / HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n", 400),
        (CHUNKED.replace(b"1.1\r\n", b"1.0\r\nConnection: keep-alive\r\n"), 400),
        (b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
)
def test_what_may_be_read_in_two_ways_ends_the_connection(request_: bytes, status: int) -> None:
    answer = ask(request_ + LAST)

    assert b"HTTP/1.1 %d " % status in answer
    assert b"Connection: close" in answer
    assert TO_LAST not in answer


def test_a_header_cannot_split_an_answer() -> None:
    answer = ask(b"GET /split HTTP/1.1\r\n" + HOST + b"\r\n" + LAST)

    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"x-c" not in answer
    assert TO_LAST not in answer


@pytest.mark.parametrize("place", [1, 20, 40, 60, 80])
def test_a_request_behind_which_nonsense_comes_is_answered(place: int) -> None:
    whole = ONE + CHUNKED + b"no request\r\n\r\n"

    answer = ask(whole[:place], whole[place:])

    replies, _, refusal = answer.rpartition(b"HTTP/1.1 400 ")
    assert bodies(replies) == [TO_ONE, TO_CHUNKED]
    assert b"Connection: close" in refusal


def test_a_head_without_end_is_refused() -> None:
    head = b"GET / HTTP/1.1\r\n" + HOST

    answer = ask(head, *[b"A: " + b"b" * 8000 + b"\r\n" for _ in range(9)])
    assert answer.startswith(b"HTTP/1.1 431 ")

    answer = ask(head + b"A: ", *[b"b" * 50_000 for _ in range(3)])
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_a_trailer_is_no_header_and_has_an_end() -> None:
    trailer = CHUNKED[:-2] + b"Authorization: Bearer a\r\n\r\n"
    assert bodies(ask(trailer + LAST)) == [TO_CHUNKED, TO_LAST]

    endless = [b"A: " + b"b" * 50_000 for _ in range(3)]
    assert ask(CHUNKED[:-2], *endless).startswith(b"HTTP/1.1 400 ")


def test_a_connection_that_is_to_change_its_protocol_goes_on_as_it_was() -> None:
    """Java's client asks so of every server that it meets."""
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"

    first = b"GET /first HTTP/1.1\r\n" + HOST + upgrade + b"\r\n"
    whole = first + ONE.replace(HOST, HOST + upgrade) + CHUNKED.replace(HOST, HOST + upgrade)

    for place in (0, len(first), len(whole) - 30, *range(len(first) + 100, len(whole) - 150)):
        found = bodies(ask(whole[:place], whole[place:] + LAST))
        assert [body.split(b"|")[1] for body in found] == [b"/first", b"/a b", b"/", b"/last"]
        assert [body.rpartition(b"|")[2] for body in found] == [b"", b"abc", b"abc", b""]


def test_a_body_behind_another_protocol_cannot_be_read_in_two_ways() -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
    lengths = b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"

    answer = ask(b"POST / HTTP/1.1\r\n" + HOST + upgrade + lengths + b"\r\n0\r\n\r\n" + LAST)

    assert answer.startswith(b"HTTP/1.1 400 ") and TO_LAST not in answer


def test_a_proxy_may_name_the_whole_address() -> None:
    assert bodies(ask(b"GET http://a/b?c HTTP/1.1\r\n" + CLOSE + b"\r\n")) == [
        b"GET|/b|http|host,connection|"
    ]


def test_a_stream_comes_in_chunks_and_the_connection_goes_on() -> None:
    answer = ask(b"GET /pieces HTTP/1.1\r\n" + HOST + b"\r\n" + LAST)

    head, _, rest = answer.partition(b"\r\n\r\n")
    assert b"\r\ntransfer-encoding: chunked" in head and b"\r\ndate: " in head
    stream, found, after = rest.partition(b"0\r\n\r\n")
    assert stream == b"4\r\none \r\n3\r\ntwo\r\n" and found
    assert bodies(after) == [TO_LAST]


def test_an_older_client_knows_a_streams_end_by_the_connection() -> None:
    answer = ask(b"GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + LAST)

    assert answer.endswith(b"\r\nConnection: close\r\n\r\none two")


def test_an_older_client_may_keep_its_connection() -> None:
    answer = ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + LAST)

    assert b"\r\nConnection: keep-alive\r\n" in answer
    assert answer.endswith(TO_LAST)


def test_head_of_a_stream_has_no_body_and_the_connection_goes_on() -> None:
    answer = ask(b"HEAD /pieces HTTP/1.1\r\n" + HOST + b"\r\n" + LAST)

    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n") and b"chunked" not in head
    assert bodies(rest) == [TO_LAST]


@pytest.mark.parametrize("path", [b"/short", b"/unfinished", b"/later"])
def test_half_a_reply_does_not_look_like_a_whole_one(path: bytes) -> None:
    answer = ask(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n" + LAST)

    assert not answer.endswith(b"0\r\n\r\n")
    assert TO_LAST not in answer


@pytest.mark.parametrize("path", [b"/failing", b"/nothing", b"/long"])
def test_what_fails_before_it_answers_is_a_500(
    path: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = ask(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n" + LAST)

    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"secret" not in answer and TO_LAST not in answer


def test_an_application_may_close_and_a_server_that_ends_does() -> None:
    answer = ask(b"GET /closing HTTP/1.1\r\n" + HOST + b"\r\n" + LAST)
    assert answer.lower().count(b"connection: close") == 1 and answer.endswith(b"end")

    answer = ask(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n" + LAST, alive=False)
    assert b"Connection: close" in answer and TO_LAST not in answer


def test_many_requests_that_come_at_once_are_answered_in_order() -> None:
    requests = [b"GET /%d HTTP/1.1\r\n%b\r\n" % (number, HOST) for number in range(200)]

    found = bodies(ask(b"".join(requests) + LAST))

    assert [body.split(b"|")[1] for body in found[:-1]] == [b"/%d" % n for n in range(200)]


def test_a_body_that_nobody_reads_yet_waits_at_its_client() -> None:
    """Held back, and read to its end all the same."""

    async def patient(scope: Any, receive: Any, send: Any) -> None:
        await go_on.wait()
        while True:
            message = await receive()
            sizes.append(len(message["body"]))
            if not message["more_body"]:
                break
        await begin(send, (b"content-length", b"0"))
        await say(send, b"")

    async def story() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(a_worker(patient)), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(POST + b"Content-Length: %d\r\n\r\n" % MUCH)
        writer.write(b"x" * MUCH)
        async with asyncio.timeout(SECONDS):
            while writer.transport.get_write_buffer_size() == MUCH:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.05)
            assert writer.transport.get_write_buffer_size() > 0
            go_on.set()
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        server.close()

    go_on, sizes = asyncio.Event(), list[int]()
    asyncio.run(story())
    assert sum(sizes) == MUCH and max(sizes) < MUCH / 4


def test_an_application_hears_that_its_client_has_left() -> None:
    """Also while it sends; and what it sends then goes nowhere."""

    async def listening(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        heard.append("receiving")

    async def streaming(scope: Any, receive: Any, send: Any) -> None:
        listener = asyncio.create_task(listening(scope, receive, send))
        await begin(send)
        while not heard:
            await say(send, b"x" * 100_000, more=True)
            await asyncio.sleep(0)
        await say(send, b"")
        await listener
        heard.append("sending")
        over.set()

    async def story() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(a_worker(streaming)), "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(LAST)
        await writer.drain()
        writer.transport.abort()
        async with asyncio.timeout(SECONDS):
            await over.wait()
        server.close()

    over, heard = asyncio.Event(), list[str]()
    asyncio.run(story())
    assert heard == ["receiving", "sending"]


def test_an_application_that_does_not_listen_is_ended_behind_its_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "LEAVING_SECONDS", 0.01)

    async def deaf(scope: Any, receive: Any, send: Any) -> None:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            over.set()

    async def story() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(a_worker(deaf)), "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(LAST)
        async with asyncio.timeout(SECONDS):
            await asked.wait()
            writer.close()
            await over.wait()
        server.close()

    asked, over = asyncio.Event(), asyncio.Event()
    asyncio.run(story())


def test_a_body_that_nobody_read_does_not_stop_the_connection() -> None:
    async def hasty(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET":
            await echo(scope, receive, send)
            return
        await asyncio.sleep(0.1)  # all of the body has come
        await begin(send, (b"content-length", b"2"))
        await say(send, b"no")

    body = b"Content-Length: 100000\r\n\r\n" + b"x" * 100_000

    assert bodies(ask(POST + body, b"", LAST, application=hasty)) == [b"no", TO_LAST]


def test_an_older_client_is_not_told_to_continue() -> None:
    """It would take that for its reply."""
    head = b"POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"

    assert ask(head, b"abc").startswith(b"HTTP/1.0 200 OK\r\n")


def test_who_is_not_told_to_continue_hears_that_the_connection_ends() -> None:
    async def hasty(scope: Any, receive: Any, send: Any) -> None:
        await begin(send, (b"content-length", b"2"))
        await say(send, b"no")

    head = POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"

    assert b"\r\nConnection: close\r\n" in ask(head, application=hasty)


@pytest.mark.parametrize(
    "head, status",
    [
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (POST + b"A: " + b"b" * 9000 + b"\r\n\r\n", 431),
        (POST + HOST + b"\r\n", 400),
        (b"POST /failing HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\n\r\n", 500),
    ],
)
def test_a_client_that_is_still_sending_reads_why_it_is_refused(head: bytes, status: int) -> None:
    """It looks only once it has sent all; a reset before would take the reply with it."""

    async def story() -> bytes:
        loop = asyncio.get_running_loop()
        worker = a_worker()
        server = await loop.create_server(lambda: Connection(worker), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(head + b"x" * MUCH)
        async with asyncio.timeout(SECONDS):
            await writer.drain()
            answer = await reader.read()
        writer.close()
        server.close()
        return answer

    assert asyncio.run(story()).startswith(b"HTTP/1.1 %d " % status)


def test_a_whole_reply_arrives_though_nonsense_comes_in_the_body() -> None:
    async def hasty(scope: Any, receive: Any, send: Any) -> None:
        await begin(send, (b"content-length", b"2"))
        await say(send, b"no")
        while (await receive()).get("more_body"):
            pass

    head = POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"

    assert bodies(ask(head, b"zz\r\n" + b"z" * MUCH, application=hasty)) == [b"no"]


def test_requests_that_are_sent_in_advance_are_not_kept_without_end() -> None:
    request_ = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"

    answer = ask(request_ * 5_000)

    assert 0 < answer.count(b"HTTP/1.1 200 OK\r\n") <= connection.MAX_WAITING + 1
    assert answer.endswith(b"\r\n\r\n400 Bad Request\n")


def test_a_client_that_takes_nothing_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So little waits that nobody is told to pause, which is what starts the other patience."""
    monkeypatch.setattr(connection, "CLOSING_SECONDS", 0.05)

    async def story() -> None:
        loop, made = asyncio.get_running_loop(), list[Any]()

        class Watched(Connection):
            def connection_made(self, transport: Any) -> None:
                made.append(self)
                self.transport = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                over.set()

        async def filling(scope: Any, receive: Any, send: Any) -> None:
            await begin(send, (b"connection", b"close"))
            while not made[0].transport.get_write_buffer_size():
                await say(send, b"x" * 10_000, more=True)
                await asyncio.sleep(0)
            await say(send, b"")

        worker = a_worker(filling)
        server = await loop.create_server(lambda: Watched(worker), "127.0.0.1", 0)
        client = socket.socket()
        client.setblocking(False)
        await loop.sock_connect(client, server.sockets[0].getsockname())
        await loop.sock_sendall(client, LAST)
        async with asyncio.timeout(SECONDS):
            await over.wait()
        client.close()
        server.close()

    over = asyncio.Event()
    asyncio.run(story())


def test_who_says_no_more_gets_what_was_said_before() -> None:
    async def story() -> bytes:
        loop, worker = asyncio.get_running_loop(), a_worker()
        server = await loop.create_server(lambda: Connection(worker), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(ONE)  # the connection would be kept
        writer.write_eof()
        async with asyncio.timeout(SECONDS):
            whole = await reader.read()
        writer.close()
        server.close()
        return whole

    assert asyncio.run(story()).endswith(b"|abc")


class Recording:
    """A transport that knows what was written to it."""

    def __init__(self, transport: Any, written: list[bytes]) -> None:
        self._transport, self._written = transport, written

    def write(self, data: bytes) -> None:
        self._written.append(bytes(data))
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


@pytest.mark.parametrize(("pieces", "most"), [(10, 1), (10_000, 10)], ids=["few", "many"])
def test_what_is_said_in_one_turn_leaves_together(pieces: int, most: int) -> None:
    """So much waits that it is worth it, and never more than that."""
    written: list[bytes] = []

    class Recorded(Connection):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(Recording(transport, written))

    async def speaking(scope: Any, receive: Any, send: Any) -> None:
        await begin(send, (b"connection", b"close"))
        for number in range(pieces):
            await say(send, b"%d " % number, more=True)
        await say(send, b"")

    async def story() -> bytes:
        loop, worker = asyncio.get_running_loop(), a_worker(speaking)
        server = await loop.create_server(lambda: Recorded(worker), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(LAST)
        async with asyncio.timeout(SECONDS):
            whole = await reader.read()
        writer.close()
        server.close()
        return whole

    whole = asyncio.run(story())
    assert b"".join(written) == whole and whole.endswith(b"0\r\n\r\n")
    assert len(written) <= most
    assert max(len(piece) for piece in written) < connection.UNSENT_BYTES + 100


@pytest.mark.parametrize("request_", [LAST, ONE[:-1], LAST.replace(b"/last", b"/nothing")])
def test_a_connection_leaves_no_cycle_behind(request_: bytes) -> None:
    """Else only the collector, which comes seldom, could take it away with all that it holds."""

    async def story() -> None:
        loop, worker, made = asyncio.get_running_loop(), a_worker(), list[Any]()

        def make() -> Connection:
            one = Connection(worker)
            made.append(weakref.ref(one, lambda _: gone.set()))
            return one

        server = await loop.create_server(make, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(request_)
        writer.write_eof()
        gc.disable()
        try:
            async with asyncio.timeout(SECONDS):
                await reader.read()
                writer.close()
                await gone.wait()
        finally:
            gc.enable()
        server.close()

    gone = asyncio.Event()
    asyncio.run(story())


def test_half_a_stream_does_not_look_like_a_whole_one_to_an_older_client() -> None:
    """It knows a reply's end by the connection's: that must not be a proper one."""

    async def story() -> None:
        loop, worker = asyncio.get_running_loop(), a_worker()
        server = await loop.create_server(lambda: Connection(worker), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET /unfinished HTTP/1.0\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            async with asyncio.timeout(SECONDS):
                await reader.read()
        writer.close()
        server.close()

    asyncio.run(story())


def test_an_application_that_sends_for_ever_is_ended_behind_its_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it sends goes nowhere, but nobody else's turn comes unless sending gives way."""
    monkeypatch.setattr(connection, "LEAVING_SECONDS", 0.001)

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await begin(send)
        try:
            for _ in range(300_000):
                await say(send, b"x" * 1000, more=True)
        except asyncio.CancelledError:
            ended.append("by the server")
            raise
        finally:
            over.set()

    async def story() -> None:
        loop, worker = asyncio.get_running_loop(), a_worker(endless)
        server = await loop.create_server(lambda: Connection(worker), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(LAST)
        await reader.read(1)
        writer.transport.abort()
        async with asyncio.timeout(SECONDS):
            await over.wait()
        server.close()

    over, ended = asyncio.Event(), list[str]()
    asyncio.run(story())
    assert ended == ["by the server"]

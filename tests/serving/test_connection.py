"""A client's connection, seen from a raw socket: what is served, refused, and in which order."""

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from budgetrouter.serving.worker import Connection

SECONDS = 20
HOST = b"Host: a\r\n"
CLOSE = HOST + b"Connection: close\r\n"


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers with what it was asked: method, path, scheme, names of headers, body."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    names = b",".join(name for name, _ in scope["headers"])
    said = [scope["method"].encode(), scope["path"].encode(), scope["scheme"].encode(), names, body]
    answer = b"|".join(said)
    headers = [(b"content-length", str(len(answer)).encode())]
    if scope["path"] == "/split":
        headers.append((b"x-a", b"b\r\nx-c: d"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def ask(*parts: bytes) -> bytes:
    """All that comes back until the server closes, each part sent by itself."""

    async def story() -> bytes:
        loop, config = asyncio.get_running_loop(), Config()
        config.set("keepalive", 1)
        worker = SimpleNamespace(cfg=config, log=Logger(config), asgi=echo, loop=loop, state={})
        worker.nr_conns, worker.nr, worker.alive, worker.max_requests = 0, 0, True, sys.maxsize
        server = await loop.create_server(lambda: Connection(worker), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.002)
        async with asyncio.timeout(SECONDS):
            answer = await reader.read()
        writer.close()
        server.close()
        return answer

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

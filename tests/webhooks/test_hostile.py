"""Receivers that want more than to answer with a status."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
import uvloop

from router_app.webhooks import delivery
from router_app.webhooks.delivery import Limits, deliver
from router_app.webhooks.exchange import Line, connected
from router_app.webhooks.outcome import Kind
from tests.webhooks.receiver import (
    HERE,
    Answer,
    Names,
    a_message,
    closes,
    is_silent,
    repeats,
    says,
    send,
)

OK = says("HTTP/1.1 200 OK\n\n")


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind((*HERE, 0))
        url = f"http://hook.example:{taken.getsockname()[1]}/"
        sent = deliver(a_message(url), resolver=Names([HERE]), allow_loopback=True)
        outcome = asyncio.run(sent)
    assert (outcome.kind, outcome.retry) == (Kind.CONNECT, True)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304, 399])
@pytest.mark.parametrize("target", ["/in", "http://169.254.169.254/latest/", "http://[::1]:22/"])
def test_a_redirect_is_not_followed(status: int, target: str) -> None:
    [outcome], receiver = send(says(f"HTTP/1.1 {status} X\nLocation: {target}\n\n"))
    assert (outcome.kind, outcome.status) == (Kind.REDIRECT, status)
    assert receiver.connections == len(receiver.posted) == 1
    assert target not in outcome.sentence


@pytest.mark.parametrize(
    "answer, kind",
    [
        (says("HTTP/1.1 200 OK\nX: " + "x" * 70_000 + "\n\n"), Kind.TOO_LARGE),
        (says("HTTP/1.1 200 OK\n" + "X: y\n" * 20_000 + "\n"), Kind.TOO_LARGE),
        (repeats(b"X: y\r\n", first=b"HTTP/1.1 200 OK\r\n"), Kind.TOO_LARGE),
        (repeats(b"x" * 65_536), Kind.TOO_LARGE),
        (repeats(b"HTTP/1.1 100 Continue\r\n\r\n"), Kind.TOO_LARGE),
        (says("220 mail.example ESMTP\n\n"), Kind.NOT_HTTP),
        (says("HTTP/2.0 200 OK\n\n"), Kind.NOT_HTTP),
        (says("HTTP/1.1 2000 OK\n\n"), Kind.NOT_HTTP),
        (says("HTTP/1.1 000 OK\n\n"), Kind.NOT_HTTP),
        (says("HTTP/1.1  200 OK\n\n"), Kind.NOT_HTTP),
        (says("\n\n"), Kind.NOT_HTTP),
        (closes, Kind.BROKEN),
        (is_silent, Kind.TIMEOUT),
        (repeats(b"x", first=b"HTTP/1.1 200 OK\r\nX: ", every=0.01), Kind.TIMEOUT),
        (repeats(b"HTTP/1.1 100 Continue\r\n\r\n", every=0.01), Kind.TIMEOUT),
    ],
)
@pytest.mark.parametrize("run_in", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_an_answer_that_is_none(answer: Answer, kind: Kind, run_in: Any) -> None:
    limits = {"limits": Limits(connect=20.0, total=0.3)} if kind is Kind.TIMEOUT else {}
    [outcome], _ = send(answer, run_in=run_in, **limits)
    assert (outcome.kind, outcome.retry, outcome.status) == (kind, True, None)


@pytest.mark.parametrize(
    "body",
    [repeats(b"x" * 65_536, first=b"HTTP/1.1 200 OK\r\n\r\n"),
     repeats(b"x", first=b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", every=0.01),
     says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n\x1f\x8b")],
    ids=["endless", "trickling", "packed"],
)  # fmt: skip
@pytest.mark.parametrize("run_in", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_whatever_follows_the_head_is_left_unread(
    body: Answer, run_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[Line] = []  # kept, so that no collector closes what was left open

    async def keep(*arguments: Any) -> Line:
        lines.append(await connected(*arguments))
        return lines[-1]

    monkeypatch.setattr(delivery, "connected", keep)
    [outcome], _ = send(body, run_in=run_in)  # whose end waits until the receiver was hung up on
    assert len(lines) == 1
    assert (outcome.kind, outcome.status) == (Kind.DELIVERED, 200)


def test_a_receiver_that_takes_the_connection_and_no_more() -> None:
    limits = Limits(connect=0.3, total=20.0)
    [outcome], receiver = send(is_silent, url="https://hook.example:{port}/", limits=limits)
    assert (outcome.kind, outcome.retry) == (Kind.TIMEOUT, True)
    assert outcome.sentence == "The receiver took no connection within 0.3 s."
    assert receiver.posted == []


@pytest.mark.parametrize(
    "path", ["/%0d%0aX-Evil:%20y", "/?a=%0D%0A%0D%0APOST%20/%20HTTP/1.1", "/%00", "/\u00e4\u2603"]
)
def test_no_url_adds_a_line_to_the_request(path: str) -> None:
    _, plain = send(OK)
    _, receiver = send(OK, url="http://hook.example:{port}" + path)
    [posted] = receiver.posted
    assert posted.names == plain.posted[0].names
    assert posted.line.startswith("POST /") and posted.line.endswith(" HTTP/1.1")
    assert posted.line.count(" ") == 2


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine hook.example login me password SECRET\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    cookie = says("HTTP/1.1 200 OK\nSet-Cookie: a=b\n\n")
    outcomes, receiver = send(cookie, times=2)
    assert all(each.is_delivered for each in outcomes)
    for posted in receiver.posted:
        assert "authorization" not in posted.headers and "cookie" not in posted.headers

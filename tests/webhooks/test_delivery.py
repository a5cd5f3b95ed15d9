"""What arrives where all is well, and what comes of each answer."""

import asyncio
import json
from typing import Any

import pytest
import uvloop

from router_app.webhooks.delivery import deliver_now
from router_app.webhooks.message import MAX_BODY_BYTES, Message
from router_app.webhooks.outcome import Kind
from router_app.webhooks.signing import verify
from tests.webhooks.receiver import BODY, SECRET, Receiver, a_message, says, send

OK = says("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")


@pytest.mark.parametrize("run_in", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_signed_message_arrives(run_in: Any) -> None:
    [outcome], receiver = send(OK, url="http://hook.example:{port}/in?a=b", run_in=run_in)
    assert (outcome.kind, outcome.status, outcome.retry) == (Kind.DELIVERED, 200, False)
    assert outcome.is_delivered and outcome.sentence == "Delivered (HTTP 200)."
    [posted] = receiver.posted
    assert posted.line == "POST /in?a=b HTTP/1.1"
    assert posted.body == BODY and json.loads(posted.body)
    assert posted.headers["host"] == f"hook.example:{receiver.port}"
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["webhook-id"] == "msg_1"
    assert verify(SECRET, posted.headers, posted.body)
    assert not verify(SECRET, posted.headers, posted.body + b" ")


def test_nothing_else_is_sent() -> None:
    _, receiver = send(OK)
    assert sorted(receiver.posted[0].names) == [
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    ]


def test_from_a_thread_without_a_loop() -> None:
    async def run() -> Receiver:
        async with Receiver(OK) as receiver:
            message = a_message(f"http://127.0.0.1:{receiver.port}/")
            outcome = await asyncio.to_thread(deliver_now, message, allow_loopback=True)
            assert outcome.is_delivered
        return receiver

    assert len(asyncio.run(run()).posted) == 1


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_a_delivery(status: int) -> None:
    [outcome], _ = send(says(f"HTTP/1.1 {status} X\n\n"))
    assert (outcome.kind, outcome.status, outcome.retry) == (Kind.DELIVERED, status, False)


@pytest.mark.parametrize("status", [400, 401, 404, 408, 429, 500, 502, 503, 600, 999])
def test_any_other_status_is_a_failure_that_may_pass(status: int) -> None:
    [outcome], _ = send(says(f"HTTP/1.1 {status} SECRET\n\nSECRET words of theirs"))
    assert (outcome.kind, outcome.status, outcome.retry) == (Kind.STATUS, status, True)
    assert outcome.sentence == f"The receiver answered with HTTP {status}."
    assert not outcome.is_delivered


def test_a_receiver_that_is_gone_is_left_alone() -> None:
    [outcome], _ = send(says("HTTP/1.1 410 Gone\n\n"))
    assert (outcome.kind, outcome.status, outcome.retry) == (Kind.STATUS, 410, False)


def test_interim_answers_are_none() -> None:
    [outcome], _ = send(
        says("HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nA: b\n\nHTTP/1.0 204\n\n")
    )
    assert (outcome.kind, outcome.status) == (Kind.DELIVERED, 204)


def test_the_largest_message_arrives_whole() -> None:
    async def run() -> Receiver:
        async with Receiver(OK) as receiver:
            message = a_message(f"http://127.0.0.1:{receiver.port}/", body=b"x" * MAX_BODY_BYTES)
            outcome = await asyncio.to_thread(deliver_now, message, allow_loopback=True)
            assert outcome.is_delivered
        return receiver

    [posted] = asyncio.run(run()).posted
    assert posted.body == b"x" * MAX_BODY_BYTES
    assert verify(SECRET, posted.headers, posted.body)


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"id": ""}, "id"),
        ({"id": "a.b"}, "id"),
        ({"id": "a\r\nX: y"}, "id"),
        ({"id": "a" * 129}, "id"),
        ({"body": b"x" * (MAX_BODY_BYTES + 1)}, "body"),
        ({"secret": "SECRET"}, "secret"),
    ],
)
def test_a_message_that_cannot_be_sent_is_not_made(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as raised:
        a_message("https://hook.example/", **wrong)
    assert "SECRET" not in str(raised.value)


def test_a_message_in_a_log_gives_nothing_away() -> None:
    message = a_message("https://hook.example/token/T0K3N")
    assert isinstance(message, Message)
    assert repr(message) == "Message(id='msg_1')"

"""Names that lead inside, now or a moment later: nothing is sent there."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import aiohappyeyeballs
import pytest

from router_app.webhooks.delivery import deliver
from router_app.webhooks.outcome import Kind, Outcome
from tests.webhooks.receiver import HERE, Names, Receiver, a_message, says, send

OK = says("HTTP/1.1 200 OK\n\n")


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were to be connected to; nobody is. Nothing else may be looked up."""
    addresses: list[str] = []

    async def refuse(places: Sequence[Any], **_: object) -> socket.socket:
        addresses.extend(place[4][0] for place in places)
        raise ConnectionRefusedError("SECRET")

    def unasked(*_: object, **__: object) -> Any:
        raise AssertionError("a second look-up")

    monkeypatch.setattr(aiohappyeyeballs, "start_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", unasked)
    return addresses


def outcome_for(url: str, names: Names | None = None, **more: Any) -> Outcome:
    return asyncio.run(deliver(a_message(url), resolver=names or Names([]), **more))


INSIDE: list[list[str]] = [
    ["10.0.0.1"],
    ["127.0.0.1"],
    ["169.254.169.254"],
    ["100.64.0.1"],
    ["0.0.0.0"],
    ["224.0.0.1"],
    ["255.255.255.255"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["64:ff9b::10.0.0.1"],
    ["2002:a00:1::1"],
    ["fd00:ec2::254"],
    ["fe80::1%eth0"],
    ["8.8.8.8", "10.0.0.1"],
    ["10.0.0.1", "8.8.8.8"],
    ["2606:4700::1111", "8.8.8.8", "::1"],
    ["8.8.8.8"] * 500 + ["192.168.0.1"],
]


@pytest.mark.parametrize("addresses", INSIDE, ids=lambda each: f"{len(each)} {each[-1]}")
def test_a_name_that_leads_inside_with_any_of_its_addresses(
    addresses: list[str], dialled: list[str]
) -> None:
    names = Names([addresses])
    outcome = outcome_for("https://hook.example/", names)
    assert (outcome.kind, outcome.retry) == (Kind.REFUSED_ADDRESS, False)
    assert names.asked == ["hook.example"] and dialled == []
    assert not any(each in outcome.sentence for each in addresses)


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://[::ffff:a00:1]/", "https://0x7f.1/", "https://a:b@h.example/"],
)
def test_a_url_that_is_refused_is_not_even_looked_up(url: str, dialled: list[str]) -> None:
    names = Names([])
    outcome = outcome_for(url, names)
    assert (outcome.kind, outcome.retry) == (Kind.REFUSED_ADDRESS, False)
    assert names.asked == [] and dialled == []


def test_a_name_that_changes_after_the_check_changes_nothing(dialled: list[str]) -> None:
    names = Names([["8.8.8.8", "2606:4700::1111", "8.8.8.8"], ["127.0.0.1"]])
    outcome = outcome_for("https://hook.example/", names)
    assert names.asked == ["hook.example"]
    assert dialled == ["8.8.8.8", "2606:4700::1111"]
    assert (outcome.kind, outcome.retry) == (Kind.CONNECT, True)
    assert outcome.sentence == "The receiver took no connection."


def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unasked(*_: object, **__: object) -> Any:
        raise AssertionError("a second look-up")

    async def run() -> tuple[Outcome, Receiver, Names]:
        names = Names([HERE, ["10.0.0.1"]])
        async with Receiver(OK) as receiver:
            monkeypatch.setattr(socket, "getaddrinfo", unasked)
            message = a_message(f"http://hook.example:{receiver.port}/")
            return await deliver(message, resolver=names, allow_loopback=True), receiver, names

    outcome, receiver, names = asyncio.run(run())
    assert outcome.is_delivered and names.asked == ["hook.example"]
    assert receiver.posted[0].headers["host"] == f"hook.example:{receiver.port}"


def test_a_public_literal_is_dialled_as_it_is(dialled: list[str]) -> None:
    outcome_for("https://[2606:4700::1111]/")
    assert dialled == ["2606:4700::1111"]


def test_few_of_many_addresses_are_tried(dialled: list[str]) -> None:
    outcome_for("https://hook.example/", Names([[f"8.8.8.{n}" for n in range(200)]]))
    assert dialled == [f"8.8.8.{n}" for n in range(8)]


@pytest.mark.parametrize("addresses", [[], ["nonsense"], ["8.8.8.8", ""]])
def test_a_resolver_that_talks_nonsense(addresses: list[str], dialled: list[str]) -> None:
    outcome = outcome_for("https://hook.example/", Names([addresses]))
    assert (outcome.kind, outcome.retry) == (Kind.DNS, True)
    assert dialled == []


def test_this_machine_is_not_reached_unless_that_is_allowed() -> None:
    [outcome], receiver = send(OK, allow_loopback=False, url="https://hook.example:{port}/")
    assert (outcome.kind, receiver.connections) == (Kind.REFUSED_ADDRESS, 0)


def test_without_tls_nothing_leaves_this_machine(dialled: list[str]) -> None:
    for addresses in (["8.8.8.8"], ["127.0.0.1", "8.8.8.8"]):
        outcome = outcome_for("http://hook.example/", Names([addresses]), allow_loopback=True)
        assert (outcome.kind, outcome.retry) == (Kind.REFUSED_ADDRESS, False)
        assert outcome.sentence == "Without https, webhooks are sent to this machine only."
    assert dialled == []

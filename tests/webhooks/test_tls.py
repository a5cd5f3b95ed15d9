"""Who a receiver must prove to be before it is told anything."""

import asyncio
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import uvloop

from router_app.webhooks.delivery import deliver
from router_app.webhooks.outcome import Kind, Outcome
from tests.webhooks.receiver import HERE, Names, Receiver, a_message, says, send

OK = says("HTTP/1.1 200 OK\n\n")
URL = "https://hook.example:{port}/in"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-made certificate for hook.example and 127.0.0.1 with its key, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = "subjectAltName=DNS:hook.example,IP:127.0.0.1"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    try:
        subprocess.run(
            [*command.split(), "-subj", "/CN=hook.example", "-addext", names, *files],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("there is no openssl to make a certificate with")
    both = folder / "both.pem"
    both.write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return both


def over_tls(
    certificate: Path, url: str = URL, *, trusted: bool = True, **more: Any
) -> tuple[Outcome, Receiver, list[str | None]]:
    """One message to a receiver with this certificate, and the names that it was asked for."""
    asked: list[str | None] = []
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    tls.sni_callback = lambda _, name, __: asked.append(name)
    if trusted:
        more["trust"] = ssl.create_default_context(cafile=str(certificate))
    [outcome], receiver = send(OK, url=url, tls=tls, **more)
    return outcome, receiver, asked


@pytest.mark.parametrize("run_in", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_the_host_proves_its_name_at_the_address_that_was_checked(
    certificate: Path, run_in: Any
) -> None:
    outcome, receiver, asked = over_tls(certificate, run_in=run_in)
    assert outcome.is_delivered and len(receiver.posted) == 1
    assert asked == ["hook.example"]
    assert receiver.posted[0].headers["host"] == f"hook.example:{receiver.port}"


def test_an_address_proves_itself_too(certificate: Path) -> None:
    outcome, _, asked = over_tls(certificate, "https://127.0.0.1:{port}/")
    assert outcome.is_delivered and asked == [None]


@pytest.mark.parametrize("run_in", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_another_hosts_certificate(certificate: Path, run_in: Any) -> None:
    outcome, receiver, _ = over_tls(certificate, "https://other.example:{port}/", run_in=run_in)
    assert (outcome.kind, outcome.retry) == (Kind.TLS, True)
    assert outcome.sentence == "The receiver's certificate is for another host name."
    assert receiver.posted == []


def test_a_receiver_that_nobody_vouches_for(certificate: Path) -> None:
    outcome, receiver, _ = over_tls(certificate, trusted=False)
    assert (outcome.kind, outcome.retry) == (Kind.TLS, True)
    assert outcome.sentence == "The receiver's certificate is signed by nobody but itself."
    assert receiver.posted == []


def test_a_receiver_without_tls() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    async def run() -> Outcome:
        async with await asyncio.start_server(plain, *HERE, 0) as server:
            port = server.sockets[0].getsockname()[1]
            message = a_message(f"https://hook.example:{port}/")
            return await deliver(message, resolver=Names([HERE]), allow_loopback=True)

    outcome = asyncio.run(run())
    assert (outcome.kind, outcome.retry) == (Kind.TLS, True)
    assert outcome.sentence == "No TLS connection to the receiver could be made."

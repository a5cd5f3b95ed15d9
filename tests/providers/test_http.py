"""Addresses, trust and what a request looks like on the wire."""

import asyncio
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import uvloop

from router_app.providers.base import Billing, FailureKind, ProviderFailure
from router_app.providers.http import Http, target_of
from router_app.providers.openai_compatible import OpenAICompatible
from tests.providers.behaviours import TEXT
from tests.providers.calling import Outcome, a_request, call, drain
from tests.providers.hostile import HostileUpstream


@pytest.mark.parametrize(
    "url, origin, line, host",
    [
        ("https://api.groq.com/openai/v1/x", ("https", "api.groq.com", 443), "/openai/v1/x", None),
        ("http://127.0.0.1:8081/v1", ("http", "127.0.0.1", 8081), "/v1", "127.0.0.1:8081"),
        ("http://[::1]:80/v1?a=b", ("http", "::1", 80), "/v1?a=b", "[::1]"),
        (
            "http://b\u00fccher.example/\u00e4 b",
            ("http", "xn--bcher-kva.example", 80),
            "/%C3%A4%20b",
            None,
        ),
        ("HTTP://A.example", ("http", "a.example", 80), "/", "a.example"),
    ],
)
def test_an_address(url: str, origin: Any, line: str, host: str | None) -> None:
    target = target_of(url, {"X-Y": "z"})
    assert target.origin == origin
    head = target.head.decode().split("\r\n")
    assert head[0] == f"POST {line} HTTP/1.1"
    assert f"Host: {host or origin[1]}" in head
    assert "X-Y: z" in head and head[-1] == ""


NO_ADDRESSES = """
    x //h/p ftp://h/ file:///etc/passwd http:// http://:80/ http://[::1
    http://h:0/ http://h:99999/ http://h:x/
"""


@pytest.mark.parametrize(
    "url",
    ["", *NO_ADDRESSES.split(), "http://h/\r\nX: y", "http://h\n.x/", "http://" + "a" * 70_000],
)
def test_no_address(url: str) -> None:
    with pytest.raises(ProviderFailure) as raised:
        target_of(url, {})
    assert raised.value.kind is FailureKind.CONNECT
    assert (raised.value.billing, raised.value.retry) == (Billing.NOT_BILLED, False)


def test_a_password_in_the_address_goes_into_the_head_and_nowhere_else() -> None:
    target = target_of("http://me:p%40ss@h.example/v1", {"Authorization": "Bearer key"})
    assert b"Authorization: Basic bWU6cEBzcw==\r\n" in target.head
    assert b"Host: h.example\r\n" in target.head and b"me:" not in target.head
    assert target.origin == ("http", "h.example", 80)


def test_a_name_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nowhere(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "SECRET no such host")

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", nowhere)
    failure = call(a_request("http://nowhere.example/v1")).failed
    assert (failure.kind, failure.detail) == (
        FailureKind.CONNECT,
        "no connection to the provider",
    )
    assert (failure.billing, failure.retry) == (Billing.NOT_BILLED, True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-made certificate for 127.0.0.1 with its key, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    try:
        subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no openssl to make a certificate with")
    both = folder / "both.pem"
    both.write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return both


def over_tls(
    certificate: Path, name: str, *, trusted: bool, run_in: Any = asyncio.run
) -> tuple[list[Outcome], HostileUpstream]:
    """Two calls to a server with this certificate."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    trust = ssl.create_default_context(cafile=str(certificate)) if trusted else None

    async def run(url: str) -> list[Outcome]:
        provider = OpenAICompatible(Http(trust))
        outcomes = [await drain(provider, a_request(url)) for _ in range(2)]
        await provider.aclose()
        return outcomes

    with HostileUpstream(tls=tls) as upstream:
        return run_in(run(upstream.url(name))), upstream


@pytest.mark.parametrize("name", ["answers", "answers_whole", "whole_in_chunks"])
@pytest.mark.parametrize("run_in", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_trusted_server(certificate: Path, name: str, run_in: Any) -> None:
    outcomes, upstream = over_tls(certificate, name, trusted=True, run_in=run_in)
    assert [outcome.text for outcome in outcomes] == ["".join(TEXT)] * 2
    assert upstream.connections_made == 1


def test_a_server_nobody_vouches_for_is_told_nothing(certificate: Path) -> None:
    outcomes, upstream = over_tls(certificate, "answers", trusted=False)
    for outcome in outcomes:
        failure = outcome.failed
        assert failure.kind is FailureKind.CONNECT
        assert failure.detail == "no trusted connection to the provider"
        assert (failure.billing, failure.retry) == (Billing.NOT_BILLED, False)
    assert upstream.received == []


@pytest.mark.parametrize("name", ["half_body", "cut_in_chunks", "closes_mid_stream"])
def test_an_answer_cut_under_tls_is_broken(certificate: Path, name: str) -> None:
    outcomes, _ = over_tls(certificate, name, trusted=True)
    assert {outcome.failed.kind for outcome in outcomes} == {FailureKind.BROKEN_STREAM}

"""What the benchmark must know of a system: how to install, start and ask it."""

import http.client
import json
import os
import socket
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from bench import wire
from bench.processes import DidNotStart, Service
from bench.works import Work

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / "bench" / ".envs"
WORKPLACE = ROOT / "bench" / ".work"
MODEL = "bench"
PROMPT = (
    "Request ####. A customer writes that the parcel came two days late and one of the three"
    " cups in it was broken. Write a short, friendly answer that offers a refund for the cup."
)
MAX_TOKENS = 256
START_SECONDS = 120.0
NOT_YET = (0, 502, 503)  # nobody listens, or it says itself that it is not ready


class Absent(Exception):
    """This system cannot be measured here; says why."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a product runs in one round."""

    upstream: str  # URL that ends before /chat/completions
    folder: Path  # empty, its own
    cores: Collection[int] | None = None


class Server(Protocol):
    """A product that was started."""

    service: Service | None  # None: there is no process between generator and upstream
    start_seconds: float | None  # from its start to its first answer

    def command(self, work: Work) -> list[str]:
        """The load generator's command line for a work. Raises Absent if that cannot be asked."""

    def stop(self) -> None:
        """End it and remove what it made outside its folder."""


class Product(Protocol):
    """A system that could stand between a client and a provider."""

    @property
    def name(self) -> str:
        """As on the command line."""

    @property
    def title(self) -> str:
        """As in the tables."""

    def install(self) -> str:
        """Make its environment if needed; returns its version. Raises Absent."""

    def start(self, place: Surroundings) -> Server:
        """Start it and wait for its first answer. Raises Absent, DidNotStart."""


def neutral_environment() -> dict[str, str]:
    """The shell's environment without what would steer a product or let it report home."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    quiet = {"DO_NOT_TRACK": "1", "PYTHONDONTWRITEBYTECODE": "", "NO_PROXY": "127.0.0.1"}
    return {**{name: os.environ[name] for name in kept if name in os.environ}, **quiet}


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def chat_body(model: str, *, streamed: bool) -> dict[str, Any]:
    """The request that every system is asked with."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": MAX_TOKENS,
    }
    return {**body, "stream": True} if streamed else body


@dataclass(slots=True)
class HttpServer:
    """A product behind an address that speaks OpenAI's chat completions."""

    url: str
    headers: Mapping[str, str]
    model: str = MODEL
    service: Service | None = None
    start_seconds: float | None = None

    def command(self, work: Work) -> list[str]:
        """See Server."""
        return load_command(
            self.url, self.headers, chat_body(self.model, streamed=work.streamed), work
        )

    def stop(self) -> None:
        """See Server."""
        if self.service is not None:
            self.service.stop()

    def wait(self) -> None:
        """Until it gives the right answer, and note how long that took."""
        assert self.service is not None
        body = chat_body(self.model, streamed=False)
        try:
            self.start_seconds = self.service.wait_until(
                lambda: answers(self.url, self.headers, body), START_SECONDS
            )
        except BaseException:
            self.service.stop()
            raise


def load_command(
    url: str, headers: Mapping[str, str], body: Mapping[str, Any], work: Work
) -> list[str]:
    """`bench.load` for this address and work."""
    command = [sys.executable, "-m", "bench.load", url, "--body", json.dumps(body)]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    return command + work.options()


def status_of(url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> tuple[int, bytes]:
    """Ask once; (0, b"") where nobody listens."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        sent = {"Content-Type": "application/json", **headers}
        connection.request("POST", parts.path, json.dumps(body), sent)
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def answers(url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> bool:
    """Whether the right answer comes now. Raises DidNotStart for a wrong one: it stays wrong."""
    status, reply = status_of(url, headers, body)
    if status == 200 and wire.text(wire.DEFAULT_CHUNKS).encode() in reply:
        return True
    if status in NOT_YET:
        return False
    raise DidNotStart(f"it answered {status}: {reply[:300].decode(errors='replace')}")

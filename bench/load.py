"""The load generator: a closed loop with N requests in flight, in one process and one thread.

    python -m bench.load http://127.0.0.1:8000/v1/chat/completions \\
        --header 'Authorization: Bearer …' --body '{"model": …}' --connections 64 --seconds 5

Plain sockets and a selector, so that it costs a fraction of what it measures. `####` in the body is
replaced by a number, so that no two requests in flight are the same. Prints a line of JSON when the
warm-up is over, and one with the figures.
"""

import argparse
import json
import resource
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bench import wire
from bench.figures import spread
from bench.replies import Broken, Expected, Reply

CLOSELY_EVERY = 50  # of so many replies one has its JSON read
PLACE = "####"
VARIANTS = 512
PATIENCE_SECONDS = 30.0  # without any reply
MAX_ERRORS = 1_000


class GaveUp(Exception):
    """Too many wrong answers to go on; says which."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to ask, how often and for how long."""

    url: str
    body: str
    headers: tuple[str, ...] = ()
    connections: int = 1
    seconds: float = 5.0
    warmup: float = 1.0
    requests: int | None = None  # stop after so many, though time is left
    expected: Expected = field(default_factory=Expected)

    @property
    def address(self) -> tuple[str, int]:
        """Where to connect."""
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80

    def messages(self) -> list[bytes]:
        """The requests as bytes, to be sent in turn."""
        return [self._message(number) for number in range(VARIANTS)]

    def _message(self, number: int) -> bytes:
        body = self.body.replace(PLACE, f"{number:04d}").encode()
        parts = urlsplit(self.url)
        head = [
            f"POST {parts.path or '/'} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *self.headers,
        ]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body


@dataclass(slots=True)
class Seen:
    """What was measured, in seconds."""

    latencies: list[float] = field(default_factory=list)
    first_words: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def forget(self) -> None:
        """What came while warming up counts for nothing, errors excepted."""
        self.latencies.clear()
        self.first_words.clear()
        self.gaps.clear()


class Client:
    """One connection with one request in flight."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.socket = socket.create_connection(job.address, timeout=PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.reply = Reply()
        self._sent_at = self._took = 0.0
        self._words_to = 0
        self._word_at = 0.0
        self._first_word: float | None = None
        self._gaps: list[float] = []

    def send(self, message: bytes) -> None:
        """Begin a request; it is far smaller than a socket's buffer."""
        self.reply = Reply()
        self._words_to, self._word_at = 0, 0.0
        self._gaps.clear()
        self._sent_at = time.perf_counter()
        if self.socket.send(message) != len(message):
            raise Broken("the request did not fit the socket's buffer")

    def receive(self) -> bool:
        """Read what is there; whether the reply is whole. Raises Broken, OSError."""
        data = self.socket.recv(262_144)
        now = time.perf_counter()
        if not data:
            raise Broken("the connection was closed")
        self.reply.feed(data)
        if self._job.expected.streamed:
            self._note_words(now)
        self._took = now - self._sent_at
        return self.reply.whole

    def note(self, seen: Seen) -> None:
        """Count a reply that is whole and right."""
        seen.latencies.append(self._took)
        seen.gaps += self._gaps
        if self._first_word is not None:
            seen.first_words.append(self._first_word)

    def _note_words(self, now: float) -> None:
        """When each word came: the first after sending, the others after the one before."""
        body = self.reply.body
        while (at := body.find(wire.MARK, self._words_to)) >= 0:
            if self._word_at == 0.0:
                self._first_word = now - self._sent_at
            else:
                self._gaps.append(now - self._word_at)
            self._word_at = now
            self._words_to = at + len(wire.MARK)


class Load:
    """The loop."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._messages = job.messages()
        self._selector = selectors.DefaultSelector()
        self._seen = Seen()
        self._asked = 0
        self._in_flight = 0

    def run(self) -> None:
        """Warm up, measure, say what was seen, and let what is in flight end."""
        try:
            self._run()
        finally:
            for key in list(self._selector.get_map().values()):
                self._leave(key.data)
            self._selector.close()

    def _run(self) -> None:
        for _ in range(self._job.connections):
            self._connect()
        self._until(time.perf_counter() + self._job.warmup)
        self._seen.forget()
        say({"measuring": True})
        used, begins = cpu_seconds(), time.perf_counter()
        self._until(begins + self._job.seconds, self._job.requests)
        took, used = time.perf_counter() - begins, cpu_seconds() - used
        say(report(self._seen, took, used))
        self._drain()

    def _connect(self) -> None:
        client = Client(self._job)
        self._selector.register(client.socket, selectors.EVENT_READ, client)
        self._in_flight += 1
        self._send(client)

    def _send(self, client: Client) -> None:
        client.send(self._messages[self._asked % VARIANTS])
        self._asked += 1

    def _until(self, ends: float, replies: int | None = None) -> None:
        while (now := time.perf_counter()) < ends:
            for client in self._ready(min(ends - now, PATIENCE_SECONDS)):
                if self._take(client):
                    self._send(client)
            if replies is not None and len(self._seen.latencies) >= replies:
                return

    def _ready(self, seconds: float) -> Iterable[Client]:
        return [key.data for key, _ in self._selector.select(seconds)]

    def _take(self, client: Client) -> bool:
        """Whether a reply is whole and the connection may be asked again."""
        try:
            whole = client.receive()
        except (OSError, Broken) as failure:
            self._failed(f"{type(failure).__name__}: {failure}")
            self._leave(client)
            self._connect()
            return False
        if whole:
            self._judge(client)
        return whole

    def _judge(self, client: Client) -> None:
        closely = len(self._seen.latencies) % CLOSELY_EVERY == 0
        problem = self._job.expected.problem(client.reply, closely=closely)
        if problem:
            self._failed(problem)
        else:
            client.note(self._seen)

    def _failed(self, problem: str) -> None:
        self._seen.errors[problem] += 1
        if self._seen.errors.total() >= MAX_ERRORS:
            raise GaveUp(f"nothing but errors: {self._seen.errors.most_common(1)[0][0]}")

    def _leave(self, client: Client) -> None:
        self._selector.unregister(client.socket)
        client.socket.close()
        self._in_flight -= 1

    def _drain(self) -> None:
        ends = time.perf_counter() + PATIENCE_SECONDS
        while self._in_flight and time.perf_counter() < ends:
            for client in self._ready(1.0):
                if self._take(client):
                    self._leave(client)


def report(seen: Seen, took: float, cpu_seconds: float) -> dict[str, Any]:
    """The figures of `took` seconds, as they are printed; times in milliseconds."""
    answered = len(seen.latencies)
    return {
        "answered": answered,
        "errors": seen.errors.total(),
        "error_samples": [text for text, _ in seen.errors.most_common(3)],
        "seconds": round(took, 3),
        "per_second": round(answered / took, 2),
        "latency_ms": spread(seen.latencies, 1000),
        "first_word_ms": spread(seen.first_words, 1000),
        "gap_ms": spread(seen.gaps, 1000),
        "generator_cpu_ms": round(cpu_seconds * 1000 / max(answered, 1), 4),
    }


def say(what: dict[str, Any]) -> None:
    """A line at once: who reads it looks at the server's clock in the same moment."""
    print(json.dumps(what), flush=True)


def cpu_seconds() -> float:
    """User and system time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("url")
    parser.add_argument("--body", required=True, help=f"{PLACE} in it becomes a number")
    parser.add_argument("--header", action="append", default=[], help="'Name: value'")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--warmup", type=float, default=1.0)
    parser.add_argument("--requests", type=int, help="stop after so many")
    parser.add_argument("--stream", action="store_true", help="expect a stream")
    parser.add_argument("--chunks", type=int, default=wire.DEFAULT_CHUNKS)
    given = parser.parse_args()
    job = Job(
        url=given.url,
        body=given.body,
        headers=tuple(given.header),
        connections=given.connections,
        seconds=given.seconds,
        warmup=given.warmup,
        requests=given.requests,
        expected=Expected(given.chunks, given.stream),
    )
    try:
        Load(job).run()
    except (GaveUp, OSError) as failure:
        say({"failed": f"{type(failure).__name__}: {failure}"})
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()

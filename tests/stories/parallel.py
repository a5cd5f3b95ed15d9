"""Many requests at the very same time, over plain sockets: a client library would queue them."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from router_app.gateway import service
from router_app.models import User
from tests.gateway.asking import a_request

SECONDS = 120  # more than any answer takes
MODEL = "openai/gpt-oss-120b"
PROMPT = "Explain quicksort"
CAP_TOKENS = 100


@dataclass(frozen=True, slots=True)
class Asking:
    """A POST of JSON."""

    url: str
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer. Header names are in lower case; status 0: the connection broke."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def code(self) -> str:
        """The error's code."""
        return str(json.loads(self.body).get("error", {}).get("code", ""))


class Burst:
    """Opens all connections, then sends everything at once."""

    def __init__(self, askings: Sequence[Asking]) -> None:
        self.answers: list[Answered] = []  # as they came
        self._askings = askings
        self._open = 0
        self._go = asyncio.Event()

    async def run(self) -> list[Answered]:
        """All answers, in the order of the requests."""
        return await asyncio.gather(*(self._ask(asking) for asking in self._askings))

    async def _ask(self, asking: Asking) -> Answered:
        address, answer = urlsplit(asking.url), Answered()
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        self._open += 1
        if self._open == len(self._askings):
            self._go.set()
        await self._go.wait()
        try:
            writer.write(_request(asking))
            async with asyncio.timeout(SECONDS):
                answer = _answered(await reader.read())
        except ConnectionError:
            pass  # the server was killed
        finally:
            writer.close()
        self.answers.append(answer)
        return answer


def statuses(answers: Iterable[Answered]) -> Counter[int]:
    """How many of each."""
    return Counter(answer.status for answer in answers)


def ceiling(user: User) -> int:
    """What is held for one of these requests, in nano-dollars."""
    request = a_request(user, PROMPT, max_tokens=CAP_TOKENS, model=MODEL)
    chosen = asyncio.run(service.preview(request)).decision.chosen
    assert chosen and chosen.estimate
    return chosen.estimate.ceiling_nanos


def askings(
    urls: Sequence[str], headers: dict[str, str], count: int, *, tasks: Sequence[str] = ("general",)
) -> list[Asking]:
    """So many requests of one price, by turns to each server, at `/v1` and at `/route`."""
    message = {"role": "user", "content": PROMPT}
    shared = {"model": MODEL, "max_tokens": CAP_TOKENS}
    result = []
    for number in range(count):
        url, task = urls[number % len(urls)], tasks[number // 4 % len(tasks)]
        if number // 2 % 2:
            body = {**shared, "prompt": PROMPT, "task_type": task, "budget": 0.01}
            result.append(Asking(f"{url}/route", body, headers))
        else:
            wishes = {"task_type": task, "budget": 0.01}
            body = {**shared, "messages": [message], "router": wishes}
            result.append(Asking(f"{url}/v1/chat/completions", body, headers))
    return result


def _request(asking: Asking) -> bytes:
    address, body = urlsplit(asking.url), json.dumps(asking.body).encode()
    lines = [f"POST {address.path} HTTP/1.1", f"Host: {address.netloc}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in asking.headers.items()]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def _answered(data: bytes) -> Answered:
    head, _, body = data.partition(b"\r\n\r\n")
    if not head:
        return Answered()
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return Answered(int(first.split(" ")[1]), headers, body)

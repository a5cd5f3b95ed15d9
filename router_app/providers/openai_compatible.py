"""The adapter for servers that speak OpenAI's chat completions: Groq, llama.cpp and many more.

One method walks one call: send, look at the head, read chunks into an answer, hand out what they
hold. It never retries, and every way out of it closes the connection.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from router_app.providers import failures
from router_app.providers.answers import Answer, StreamedAnswer, WholeAnswer
from router_app.providers.base import CallRequest, Endpoint, Event, ProviderFailure
from router_app.providers.connection import Connection
from router_app.providers.deadlines import Deadlines
from router_app.providers.http import Http, Target, target_of


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one provider wants to be said otherwise."""

    # The cap is what was reserved, so it must arrive under a name the server knows. `max_tokens` is
    # the old name that compatible servers share; it is deprecated only where the new one was born.
    cap_member: str = "max_tokens"
    takes_names: bool = True  # False: `messages[].name` is refused with 400


DIALECTS: Mapping[str, Dialect] = {
    "groq": Dialect(cap_member="max_completion_tokens", takes_names=False),
    "openai": Dialect(cap_member="max_completion_tokens"),
}
COMMON = Dialect()

# What `extra` may not say: it would lift the cap, multiply the answer or hide the usage.
_OURS = frozenset(
    {"model", "messages", "stream", "stream_options", "n", "best_of"}
    | {"max_tokens", "max_completion_tokens"}
)
_PLAIN = re.compile(r"[!-~]*")
ERROR_BODY_SECONDS = 2.0  # the status is known already; the body only says it more exactly
AFTER_END_SECONDS = 0.25  # for the last bytes after [DONE], so that the connection can be kept


class OpenAICompatible:
    """A Provider for one event loop."""

    def __init__(self, http: Http | None = None) -> None:
        self._http = http or Http()

    async def stream(self, request: CallRequest) -> AsyncGenerator[Event]:
        """Make the call; yield deltas, then one `Finished`. Raises ProviderFailure.

        After `Finished` run the iterator to its end: that lets the connection be used again.
        """
        target, body = _target(request.endpoint), _body(request)
        deadlines = Deadlines(request.limits, stream=request.stream)
        reply = await self._send(target, body, request.limits.connect, deadlines)
        try:
            answer = await _answer_to(request, reply, deadlines)
            while not answer.ended:
                deltas = answer.feed(await _next_bytes(reply, deadlines, answer))
                for delta in deltas:
                    yield delta
                if deltas:
                    deadlines.token_came()
            yield answer.result()
            if not reply.is_complete:
                await _read_to_end(reply)
        finally:
            self._http.release(target.origin, reply)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _send(
        self, target: Target, body: bytes, connect_seconds: float, deadlines: Deadlines
    ) -> Connection:
        try:
            return await self._http.post(
                target, body, connect_seconds=connect_seconds, until=deadlines.at
            )
        except TimeoutError:
            raise deadlines.passed() from None


async def _answer_to(
    request: CallRequest, reply: Connection, deadlines: Deadlines
) -> StreamedAnswer | WholeAnswer:
    """Choose by the head how to read the body. Raises ProviderFailure."""
    if reply.status != 200:
        raise failures.refusal(reply.status, reply.headers, await _beginning(reply))
    if reply.is_encoded:
        raise failures.garbage("the provider compressed its answer, which we do not accept")
    kind = reply.content_type
    if kind == b"text/event-stream":
        return StreamedAnswer(join_calls=not request.stream)
    if kind == b"application/json":
        deadlines.only_total()
        return WholeAnswer(as_stream=request.stream)
    raise failures.garbage("the provider's answer is neither a stream nor JSON")


async def _next_bytes(reply: Connection, deadlines: Deadlines, answer: Answer) -> bytes:
    """b"" at the end, and where the call broke: then the answer knows why."""
    if answer.is_whole:
        deadlines.answer_is_whole()
    try:
        data = await reply.read(deadlines.at)
        deadlines.check_total()
    except TimeoutError:
        answer.broke(deadlines.passed())
    except ProviderFailure as failure:
        answer.broke(failure)
    else:
        return data
    return b""


async def _beginning(reply: Connection) -> bytes:
    """As much of an error's body as is worth reading."""
    body = bytearray()
    until = _in(ERROR_BODY_SECONDS)
    with suppress(TimeoutError, ProviderFailure):
        while len(body) < failures.MAX_ERROR_BYTES and (data := await reply.read(until)):
            body += data
    return bytes(body[: failures.MAX_ERROR_BYTES])


async def _read_to_end(reply: Connection) -> None:
    until = _in(AFTER_END_SECONDS)
    with suppress(TimeoutError, ProviderFailure):
        while await reply.read(until):
            pass


def _in(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


@lru_cache(maxsize=256)
def _target(endpoint: Endpoint) -> Target:
    return target_of(endpoint.base_url.rstrip("/") + "/chat/completions", _headers(endpoint))


def _headers(endpoint: Endpoint) -> Mapping[str, str]:
    if not _PLAIN.fullmatch(endpoint.api_key):
        raise failures.bad_key()
    key = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
    return {
        "Content-Type": "application/json",
        "Accept": "text/event-stream, application/json",
        "User-Agent": "budget-router",
        **key,
    }


def _body(request: CallRequest) -> bytes:
    """The request as JSON. Raises ProviderFailure where it cannot be written."""
    dialect = DIALECTS.get(request.endpoint.slug, COMMON)
    body = {name: value for name, value in request.extra.items() if name not in _OURS}
    body["model"] = request.model
    body["messages"] = _messages(request.messages, dialect)
    body["stream"] = request.stream
    if request.stream:
        body["stream_options"] = {"include_usage": True}
    body[dialect.cap_member] = request.max_output_tokens
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        # Half a surrogate pair cannot be written as UTF-8: it becomes a question mark.
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    except RecursionError:
        raise failures.unsendable("the request is nested too deeply") from None


def _messages(messages: Sequence[Mapping[str, Any]], dialect: Dialect) -> Sequence[Any]:
    if dialect.takes_names or not any("name" in message for message in messages):
        return messages
    return [{name: m[name] for name in m if name != "name"} for m in messages]

"""An OpenAI-compatible upstream for real clients: it does what the conversation asks for."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from tests.providers.exchange import ClientLeft, Exchange, read_request
from tests.providers.hostile import HostileUpstream

USAGE = {"prompt_tokens": 40, "completion_tokens": 6, "total_tokens": 46}
WORDS = ("It ", "is ", "warm.")
BREAKS, WAITS = "Break off.", "Wait."  # prompts
ARGUMENTS = '{"city": "Cairo"}'
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}
FORMED = '{"city": "Cairo", "degrees": 22}'


class Upstream(HostileUpstream):
    """Use as a context manager."""

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = await read_request(reader, number=len(self.received) + 1)
        if request is None:
            return False
        self.received.append(request)
        exchange = Exchange(request, reader, writer)
        try:
            await _reply(exchange, request.body)
        except (ClientLeft, ConnectionError):
            self.left_early.append("client")
            return False
        return exchange.keeps_open

    @property
    def bodies(self) -> list[Mapping[str, Any]]:
        """What was asked for, one after another."""
        return [each.body for each in list(self.received)]


async def _reply(exchange: Exchange, body: Mapping[str, Any]) -> None:
    if body["stream"]:
        await _stream(exchange, body)
        return
    if _last(body) == BREAKS:
        await exchange.error(500)
        return
    message: dict[str, Any] = {"role": "assistant", "content": "".join(WORDS)}
    reason = "stop"
    if _wants_call(body):
        message, reason = {"role": "assistant", "content": None, "tool_calls": [CALL]}, "tool_calls"
    elif "response_format" in body:
        message["content"] = FORMED
    whole = {**exchange.completion(None), "usage": USAGE}
    whole["choices"] = [{"index": 0, "message": message, "finish_reason": reason}]
    await exchange.body(200, whole)


async def _stream(exchange: Exchange, body: Mapping[str, Any]) -> None:
    await exchange.stream()
    if _wants_call(body):
        await _stream_call(exchange)
    else:
        for word in (FORMED,) if "response_format" in body else WORDS:
            await exchange.token(word)
            if _last(body) == BREAKS:
                exchange.reset()
                return
            if _last(body) == WAITS:
                await exchange.until_client_leaves()
        await exchange.finish("stop")
    await exchange.usage(USAGE)
    await exchange.done()


async def _stream_call(exchange: Exchange) -> None:
    begun = {**CALL, "index": 0, "function": {"name": "weather", "arguments": ""}}
    await exchange.event(exchange.chunk({"tool_calls": [begun]}))
    for start in range(0, len(ARGUMENTS), 5):
        piece = {"index": 0, "function": {"arguments": ARGUMENTS[start : start + 5]}}
        await exchange.event(exchange.chunk({"tool_calls": [piece]}))
    await exchange.finish("tool_calls")


def _wants_call(body: Mapping[str, Any]) -> bool:
    return "tools" in body and body["messages"][-1]["role"] == "user"


def _last(body: Mapping[str, Any]) -> str:
    return json.dumps(body["messages"][-1].get("content")).strip('"')

"""The table of behaviours, and what many of them share."""

import json
from collections.abc import Awaitable, Callable

from tests.providers.exchange import Exchange

INPUT_TOKENS = 20
TEXT = ("Hello", ", ", "world", "!")
HTML = b"<!doctype html><title>502 Bad Gateway</title><h1>SECRET nginx</h1>"

Behaviour = Callable[[Exchange], Awaitable[None]]
BY_NAME: dict[str, Behaviour] = {}


def behaviour(function: Behaviour) -> Behaviour:
    """List it under its own name."""
    BY_NAME[function.__name__] = function
    return function


def usage_of(exchange: Exchange) -> dict[str, int]:
    """The true usage so far."""
    made = exchange.tokens_made
    return {
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": made,
        "total_tokens": INPUT_TOKENS + made,
    }


async def tokens(exchange: Exchange) -> None:
    """Begin a stream and say TEXT."""
    await exchange.stream()
    for text in TEXT:
        await exchange.token(text)


async def whole(exchange: Exchange, content: object = "Hello, world!", **members: object) -> bytes:
    """A whole answer, as bytes, and billed."""
    exchange.is_billed, exchange.tokens_made = True, len(TEXT)
    known = {"usage": usage_of(exchange), **members}
    return json.dumps(exchange.completion(content, **known)).encode()

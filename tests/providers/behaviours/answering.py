"""Answers that are whole, with what may be strange about them."""

import json

from tests.providers.behaviours.table import behaviour, tokens, usage_of, whole
from tests.providers.exchange import Exchange


@behaviour
async def answers(exchange: Exchange) -> None:
    await tokens(exchange)
    usage = usage_of(exchange)
    await exchange.finish(x_groq={"id": exchange.request.id, "usage": usage})
    await exchange.usage(usage)
    await exchange.done()


@behaviour
async def answers_whole(exchange: Exchange) -> None:
    await exchange.body(200, await whole(exchange))


@behaviour
async def answers_thinking(exchange: Exchange) -> None:
    await exchange.stream()
    await exchange.token("Hm.", member="reasoning")
    await exchange.token("Hm?", member="reasoning_content")
    await exchange.finish("length")
    await exchange.usage(usage_of(exchange))
    await exchange.done()


@behaviour
async def thinking_whole(exchange: Exchange) -> None:
    body = json.loads(await whole(exchange, None))
    body["choices"][0]["message"]["reasoning"] = "Hm."
    body["choices"][0]["finish_reason"] = "length"
    await exchange.body(200, body)


@behaviour
async def finish_without_usage(exchange: Exchange) -> None:
    await tokens(exchange)
    await exchange.finish()
    await exchange.done()


async def with_usage(exchange: Exchange, usage: object) -> None:
    """A good answer with a strange bill."""
    await tokens(exchange)
    await exchange.finish()
    await exchange.usage(usage)
    await exchange.done()


@behaviour
async def usage_negative(exchange: Exchange) -> None:
    await with_usage(exchange, {"prompt_tokens": -5, "completion_tokens": -1})


@behaviour
async def usage_strings(exchange: Exchange) -> None:
    await with_usage(exchange, {"prompt_tokens": "20", "completion_tokens": "4"})


@behaviour
async def usage_huge(exchange: Exchange) -> None:
    await with_usage(exchange, {"prompt_tokens": 20, "completion_tokens": 10**18})


@behaviour
async def usage_subset_too_large(exchange: Exchange) -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 21}}
    await with_usage(exchange, {"prompt_tokens": 20, "completion_tokens": 4, **details})


@behaviour
async def data_after_done(exchange: Exchange) -> None:
    await tokens(exchange)
    await exchange.finish()
    await exchange.event("[DONE]")
    await exchange.event(exchange.chunk({"content": "ghost"}))
    await exchange.end()


@behaviour
async def unstorable_text(exchange: Exchange) -> None:
    await exchange.stream()
    await exchange.token("a\x00b\ud83dc")
    await exchange.finish()
    await exchange.done()


@behaviour
async def invalid_utf8(exchange: Exchange) -> None:
    await exchange.stream()
    exchange.tokens_made += 1
    event = json.dumps(exchange.chunk({"content": "a~b"})).encode().replace(b"~", b"\xff")
    await exchange.send(b"data: " + event + b"\n\n")
    await exchange.finish()
    await exchange.done()


@behaviour
async def finish_then_silence(exchange: Exchange) -> None:
    await tokens(exchange)
    await exchange.finish(x_groq={"usage": usage_of(exchange)})
    await exchange.until_client_leaves()

"""Answers that break off, or are none."""

import asyncio

from tests.providers.behaviours.table import HTML, behaviour, tokens, usage_of, whole
from tests.providers.exchange import Exchange


@behaviour
async def closes_before_headers(exchange: Exchange) -> None:
    exchange.is_billed = True


@behaviour
async def closes_mid_headers(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Ty")


@behaviour
async def resets_before_headers(exchange: Exchange) -> None:
    exchange.is_billed = True
    exchange.reset()


@behaviour
async def half_body(exchange: Exchange) -> None:
    data = await whole(exchange)
    await exchange.head(200, content_type="application/json", content_length=len(data))
    await exchange.raw(data[: len(data) // 2])


@behaviour
async def not_http(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.raw(b"\x16\x03\x01SSH-2.0-whatever\r\n\r\n\x00\xff")


@behaviour
async def garbage(exchange: Exchange) -> None:
    await exchange.stream()
    await exchange.event("{this is not JSON")
    await exchange.done()


@behaviour
async def garbage_whole(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.body(200, b"\x00\xff{not json")


@behaviour
async def error_in_200(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.error(200)


@behaviour
async def empty_200(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.body(200, b"")


@behaviour
async def empty_stream(exchange: Exchange) -> None:
    await exchange.stream()
    await exchange.end()


@behaviour
async def no_content(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.head(204)


@behaviour
async def html_200(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.body(200, HTML, "text/html")


@behaviour
async def no_finish_no_done(exchange: Exchange) -> None:
    await tokens(exchange)
    await exchange.end()


@behaviour
async def no_finish_no_done_but_usage(exchange: Exchange) -> None:
    await tokens(exchange)
    await exchange.usage(usage_of(exchange))
    await exchange.end()


@behaviour
async def error_mid_stream(exchange: Exchange) -> None:
    await tokens(exchange)
    await exchange.event({"error": {"message": "SECRET", "type": "server_error"}})
    await exchange.end()


@behaviour
async def error_event(exchange: Exchange) -> None:
    await tokens(exchange)
    await exchange.event({"message": "SECRET"}, name="error")
    await exchange.end()


@behaviour
async def error_in_x_groq(exchange: Exchange) -> None:
    await tokens(exchange)
    await exchange.finish(x_groq={"error": "SECRET over capacity", "usage": usage_of(exchange)})
    await exchange.done()


@behaviour
async def reset_mid_stream(exchange: Exchange) -> None:
    await tokens(exchange)
    await asyncio.sleep(0.02)  # a reset throws away what was not read yet
    exchange.reset()


@behaviour
async def closes_mid_stream(exchange: Exchange) -> None:
    await tokens(exchange)


@behaviour
async def cut_mid_event(exchange: Exchange) -> None:
    await tokens(exchange)
    await exchange.send(b'data: {"choices":[{"delta":{"con')
    await exchange.end()


@behaviour
async def chunked_broken(exchange: Exchange) -> None:
    await tokens(exchange)
    await exchange.raw(b"zz\r\nthis is no chunk\r\n")


@behaviour
async def deeply_nested(exchange: Exchange) -> None:
    await exchange.stream()
    await exchange.event('{"choices":' + "[" * 200_000)
    await exchange.done()


@behaviour
async def null_choices(exchange: Exchange) -> None:
    await exchange.stream()
    await exchange.event({**exchange.chunk({}), "choices": None})
    await exchange.event({**exchange.chunk({}), "choices": [None]})
    await exchange.event({**exchange.chunk({}), "choices": [{"index": 0}]})
    await exchange.event(exchange.chunk({"content": None}))
    await exchange.event(exchange.chunk(None))
    await exchange.event("[1, 2]")
    await exchange.end()

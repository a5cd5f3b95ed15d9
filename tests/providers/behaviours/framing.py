"""Whole answers in every framing that HTTP allows, and in some that it does not."""

import json

from tests.providers.behaviours.table import behaviour, usage_of, whole
from tests.providers.exchange import Exchange

JSON = "application/json"


@behaviour
async def whole_in_chunks(exchange: Exchange) -> None:
    data = await whole(exchange)
    await exchange.head(200, content_type=JSON, transfer_encoding="chunked")
    for start in range(0, len(data), 50):
        await exchange.send(data[start : start + 50])
    await exchange.end()


@behaviour
async def whole_until_closed(exchange: Exchange) -> None:
    """Neither a length nor chunks: the end of the connection is the end of the body."""
    data = await whole(exchange)
    await exchange.head(200, content_type=JSON, connection="close")
    await exchange.raw(data)


@behaviour
async def whole_said_to_close(exchange: Exchange) -> None:
    data = await whole(exchange)
    await exchange.body(200, data, "Application/JSON; charset=utf-8", connection="close")
    exchange.keeps_open = False


@behaviour
async def whole_filtered(exchange: Exchange) -> None:
    body = json.loads(await whole(exchange, None))
    body["choices"][0]["finish_reason"] = "content_filter"
    await exchange.body(200, body)


@behaviour
async def cut_in_chunks(exchange: Exchange) -> None:
    data = await whole(exchange)
    await exchange.head(200, content_type=JSON, transfer_encoding="chunked")
    await exchange.send(data[:60])


@behaviour
async def cut_until_closed(exchange: Exchange) -> None:
    """A cut that HTTP cannot show: only the JSON can."""
    data = await whole(exchange)
    await exchange.head(200, content_type=JSON, connection="close")
    await exchange.raw(data[:60])


@behaviour
async def length_too_small(exchange: Exchange) -> None:
    """What is left over must not become the beginning of the next answer."""
    data = await whole(exchange)
    await exchange.head(200, content_type=JSON, content_length=len(data) // 2)
    await exchange.raw(data)
    exchange.keeps_open = True


@behaviour
async def length_of_no_number(exchange: Exchange) -> None:
    data = await whole(exchange)
    await exchange.head(200, content_type=JSON, content_length="12a")
    await exchange.raw(data)


@behaviour
async def two_lengths(exchange: Exchange) -> None:
    data = await whole(exchange)
    lengths = f"Content-Length: 10\r\nContent-Length: {len(data)}\r\n"
    await exchange.raw(f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\n{lengths}\r\n".encode() + data)


@behaviour
async def two_answers(exchange: Exchange) -> None:
    """An answer nobody asked for follows: it belongs to no call."""
    data = await whole(exchange)
    ghost = json.dumps(exchange.completion("ghost", usage=usage_of(exchange))).encode()
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    both = (head % len(data)).encode() + data + (head % len(ghost)).encode() + ghost
    await exchange.raw(both)
    exchange.keeps_open = True


@behaviour
async def head_of_1_mb(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.head(200, content_type=JSON, x_padding="x" * 1_000_000)


@behaviour
async def continues_first(exchange: Exchange) -> None:
    data = await whole(exchange)
    await exchange.raw(b"HTTP/1.1 100 Continue\r\n\r\n")
    await exchange.body(200, data)

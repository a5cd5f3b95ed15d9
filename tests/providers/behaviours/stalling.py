"""Answers that take too long or are too large."""

import asyncio
import gzip

from tests.providers.behaviours.table import behaviour, tokens
from tests.providers.exchange import Exchange


@behaviour
async def slow_headers(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.until_client_leaves()


@behaviour
async def slow_first_token(exchange: Exchange) -> None:
    await exchange.stream()
    await exchange.until_client_leaves()


@behaviour
async def slow_between_tokens(exchange: Exchange) -> None:
    await tokens(exchange)
    await exchange.until_client_leaves()


@behaviour
async def trickles_tokens(exchange: Exchange) -> None:
    await exchange.stream()
    while True:
        await exchange.token("a")
        await asyncio.sleep(0.01)


@behaviour
async def trickles_body(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.head(200, content_type="application/json", content_length=100_000)
    while True:
        await exchange.raw(b" ")
        await asyncio.sleep(0.01)


@behaviour
async def trickles_comments(exchange: Exchange) -> None:
    await exchange.stream()
    while True:
        await exchange.send(b": keep-alive\n\n")
        await asyncio.sleep(0.01)


@behaviour
async def endless_comments(exchange: Exchange) -> None:
    await exchange.stream()
    while True:
        await exchange.send(b": keep-alive\n\n" * 1000)


@behaviour
async def endless_tokens(exchange: Exchange) -> None:
    await exchange.stream()
    while True:
        await exchange.token("word " * 20)


@behaviour
async def line_of_2_mb(exchange: Exchange) -> None:
    await exchange.stream()
    await exchange.event("x" * 2_000_000)
    await exchange.done()


@behaviour
async def body_of_10_mb(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.body(200, b" " * 10_000_000)


@behaviour
async def error_of_10_mb(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.body(500, b" " * 10_000_000)


@behaviour
async def gzip_bomb(exchange: Exchange) -> None:
    exchange.is_billed = True
    bomb = gzip.compress(b" " * 50_000_000)
    await exchange.body(200, bomb, content_encoding="gzip")

"""Refusals with a status."""

import json

from tests.providers.behaviours.table import HTML, behaviour
from tests.providers.exchange import Exchange


@behaviour
async def html_502(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.body(502, HTML, "text/html")


@behaviour
async def redirects(exchange: Exchange) -> None:
    await exchange.body(302, b"", "text/plain", location="http://127.0.0.1:1/v1/elsewhere")


@behaviour
async def error_of_100_kb(exchange: Exchange) -> None:
    """More than is read of an error, and here at once: the rest is nobody's answer."""
    ghost = json.dumps(exchange.completion("ghost")).encode()
    await exchange.body(400, b" " * 100_000 + ghost)


@behaviour
async def sets_cookie(exchange: Exchange) -> None:
    await exchange.error(503, None, set_cookie="track=1; Path=/")


@behaviour
async def busy(exchange: Exchange) -> None:
    await exchange.error(429, "rate_limit_exceeded")


@behaviour
async def busy_for_a_while(exchange: Exchange) -> None:
    await exchange.error(429, "rate_limit_exceeded", retry_after="2")


@behaviour
async def busy_for_long(exchange: Exchange) -> None:
    await exchange.error(429, "rate_limit_exceeded", retry_after="3600")


@behaviour
async def unavailable(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.error(503)


@behaviour
async def fails(exchange: Exchange) -> None:
    exchange.is_billed = True
    await exchange.error(500)


@behaviour
async def model_not_found(exchange: Exchange) -> None:
    await exchange.error(404, "model_not_found")


@behaviour
async def decommissioned(exchange: Exchange) -> None:
    await exchange.error(400, "model_decommissioned")


@behaviour
async def bad_key(exchange: Exchange) -> None:
    await exchange.error(401, "invalid_api_key")


@behaviour
async def output_not_as_asked(exchange: Exchange) -> None:
    """The model wrote a tool call that is none: tokens were made."""
    exchange.is_billed, exchange.tokens_made = True, 12
    await exchange.error(400, "tool_use_failed")


@behaviour
async def out_of_money(exchange: Exchange) -> None:
    await exchange.error(400, "blocked_api_access")


@behaviour
async def too_long(exchange: Exchange) -> None:
    await exchange.error(413)

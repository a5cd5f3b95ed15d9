"""Answers that want tools called, and answers that only seem to."""

from typing import Any

from tests.providers.behaviours.table import behaviour, usage_of
from tests.providers.exchange import Exchange

ARGUMENTS = ('{"city": ', '"Z\u00fcrich"}')
WEATHER = {"name": "weather", "arguments": "".join(ARGUMENTS)}
CALL = {"id": "call_1", "type": "function", "function": WEATHER}
PIECES: tuple[dict[str, Any], ...] = (
    {"index": 0, "id": "call_1", "type": "function", "function": {**WEATHER, "arguments": ""}},
    {"index": 0, "function": {"arguments": ARGUMENTS[0]}},
    {"index": 0, "function": {"arguments": ARGUMENTS[1]}},
)
# Nothing here is a list of objects.
NO_CALLS: tuple[object, ...] = (
    None,
    {},
    [],
    "weather",
    7,
    [None],
    [CALL, 7],
    [[CALL]],
    {"0": CALL},
)


async def _pieces(exchange: Exchange, *values: object) -> None:
    await exchange.stream()
    for value in values:
        exchange.tokens_made += 1
        await exchange.event(exchange.chunk({"tool_calls": value}))


async def _whole(exchange: Exchange, value: object, content: object = None) -> None:
    exchange.is_billed, exchange.tokens_made = True, 4
    body = exchange.completion(content, usage=usage_of(exchange))
    body["choices"][0]["message"]["tool_calls"] = value
    body["choices"][0]["finish_reason"] = "tool_calls"
    await exchange.body(200, body)


@behaviour
async def calls_a_tool(exchange: Exchange) -> None:
    await _pieces(exchange, *([piece] for piece in PIECES))
    await exchange.finish("tool_calls")
    await exchange.usage(usage_of(exchange))
    await exchange.done()


@behaviour
async def calls_a_tool_whole(exchange: Exchange) -> None:
    await _whole(exchange, [CALL])


@behaviour
async def speaks_and_calls_whole(exchange: Exchange) -> None:
    await _whole(exchange, [CALL, {**CALL, "id": "call_2"}], "I will look.")


@behaviour
async def breaks_while_calling(exchange: Exchange) -> None:
    await _pieces(exchange, *([piece] for piece in PIECES[:2]))
    await exchange.end()


@behaviour
async def calls_garbage(exchange: Exchange) -> None:
    await _pieces(exchange, *NO_CALLS)
    await exchange.token("a")
    await exchange.finish()
    await exchange.done()


@behaviour
async def calls_garbage_whole(exchange: Exchange) -> None:
    await _whole(exchange, [CALL, "weather"], "a")


@behaviour
async def calls_unstorable(exchange: Exchange) -> None:
    await _pieces(exchange, [{**PIECES[0], "id": "a\x00b\ud83dc"}])
    await exchange.finish("tool_calls")
    await exchange.done()


@behaviour
async def calls_nested_deeply(exchange: Exchange) -> None:
    await exchange.stream()
    depth = 200_000
    await exchange.event(
        '{"choices":[{"delta":{"tool_calls":[{"function":' + "[" * depth + "]" * depth + "}]}}]}"
    )
    await exchange.done()


@behaviour
async def function_call_of_old(exchange: Exchange) -> None:
    """What tools were before there were tools: nobody here asks for it."""
    await exchange.stream()
    await exchange.event(exchange.chunk({"function_call": WEATHER}))
    await exchange.finish("function_call")
    await exchange.done()

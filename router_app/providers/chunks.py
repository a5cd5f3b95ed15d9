"""One JSON object of an answer: what it holds for us, read fast where it is well-formed.

Nearly every object is; msgspec reads it without building what we do not look at. What msgspec
refuses (a wrong type where we look, bytes that are no UTF-8, half a surrogate pair, NaN) is read
again, slowly and tolerantly, into the same shape. So what comes of an object does not depend on
which of the two read it.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from router_app.providers import failures
from router_app.providers.base import ProviderFailure


class Parts(msgspec.Struct, gc=False):
    """What stands under `delta` or `message`; each value as it was sent."""

    content: Any = None
    reasoning: Any = None
    reasoning_content: Any = None
    tool_calls: Any = None


class Choice(msgspec.Struct, gc=False):
    """One of the choices."""

    delta: Parts | None = None
    message: Parts | None = None
    finish_reason: Any = None


class Chunk(msgspec.Struct, gc=False):
    """The object."""

    id: Any = None
    model: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    x_groq: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(Chunk).decode
_NOT_AS_EXPECTED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_chunk(data: bytes | bytearray | str) -> Chunk | ProviderFailure:
    """The object in `data`; a failure where it holds none."""
    try:
        return _decode(data)
    except _NOT_AS_EXPECTED:
        return _read_tolerantly(data)


def read_json(data: bytes | bytearray | str) -> Any:
    """The value, or a ProviderFailure: never the parser's error, which quotes the text."""
    try:
        return json.loads(text_of(data))
    except (ValueError, RecursionError):
        return failures.garbage("the provider sent something that is not JSON")


def text_of(data: bytes | bytearray | str) -> str:
    """As text; bytes that are no UTF-8 become visible."""
    return data if isinstance(data, str) else data.decode("utf-8", "replace")


def _read_tolerantly(data: bytes | bytearray | str) -> Chunk | ProviderFailure:
    answer = read_json(data)
    if isinstance(answer, ProviderFailure):
        return answer
    if not isinstance(answer, Mapping):
        return failures.garbage("the provider's answer is not an object")
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return Chunk(
        id=answer.get("id"),
        model=answer.get("model"),
        choices=[_choice(first)] if isinstance(first, Mapping) else None,
        usage=answer.get("usage"),
        x_groq=answer.get("x_groq"),
        error=answer.get("error"),
    )


def _choice(choice: Mapping[str, Any]) -> Choice:
    return Choice(
        delta=_parts(choice.get("delta")),
        message=_parts(choice.get("message")),
        finish_reason=choice.get("finish_reason"),
    )


def _parts(parts: Any) -> Parts | None:
    if not isinstance(parts, Mapping):
        return None
    return Parts(
        content=parts.get("content"),
        reasoning=parts.get("reasoning"),
        reasoning_content=parts.get("reasoning_content"),
        tool_calls=parts.get("tool_calls"),
    )

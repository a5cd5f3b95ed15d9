"""What the fake upstream says, as bytes. The load generator knows it and checks what arrives.

A whole answer and a streamed one hold the same text: a word a chunk.
"""

import json
from functools import lru_cache
from typing import Any

CREATED = 1_767_225_600
DEFAULT_CHUNKS = 20
DONE = b"data: [DONE]\n\n"
MARK = b"lorem"  # begins every word of an answer and stands nowhere else in a reply


def words(chunks: int) -> list[str]:
    """The answer, a word with its space a chunk."""
    return [f"{MARK.decode()}{number} " for number in range(chunks)]


def text(chunks: int) -> str:
    """The whole answer."""
    return "".join(words(chunks))


@lru_cache(maxsize=4096)
def asks_for(body: bytes) -> tuple[str, bool, bool] | None:
    """(model, streamed, with a usage chunk) of a request's body; None where it is no request."""
    try:
        asked = json.loads(body)
        model, messages = asked["model"], asked["messages"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(model, str) or not isinstance(messages, list):
        return None
    options = asked.get("stream_options") or {}
    return model, bool(asked.get("stream")), bool(options.get("include_usage"))


def usage(body: bytes, chunks: int) -> dict[str, int]:
    """A word is a token, and so are four bytes of the request."""
    prompt = max(1, len(body) // 4)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": chunks,
        "total_tokens": prompt + chunks,
    }


@lru_cache(maxsize=4096)
def whole(body: bytes, chunks: int) -> tuple[bytes, bytes]:
    """The reply to a request, cut where its id goes."""
    asked = asks_for(body)
    message = {"role": "assistant", "content": text(chunks)}
    answer = {
        "id": "@",
        "object": "chat.completion",
        "created": CREATED,
        "model": asked[0] if asked else "",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage(body, chunks),
    }
    # Twelve digits in the id's place, so that the length is known beforehand.
    payload = json.dumps(answer).encode()
    size = len(payload) - 1 + len(b"chatcmpl-") + 12
    first, _, rest = payload.partition(b"@")
    return head(200, "application/json", size) + first + b"chatcmpl-", rest


@lru_cache(maxsize=4096)
def stream(body: bytes, chunks: int) -> tuple[bytes, tuple[bytes, ...]]:
    """A stream's head, and its parts in the order and grouping in which they are to be sent."""
    asked = asks_for(body)
    model, with_usage = (asked[0], asked[2]) if asked else ("", False)
    parts = [_event(model, {"role": "assistant", "content": ""})]
    parts += [_event(model, {"content": word}) for word in words(chunks)]
    ending = _event(model, {}, finish_reason="stop")
    if with_usage:
        ending += _event(model, None, usage=usage(body, chunks))
    ending += _chunk(DONE)
    # The role comes with the first word, as from a provider; the end in one piece.
    grouped = [parts[0] + parts[1], *parts[2:]] if chunks else parts
    return head(200, "text/event-stream", None), (*grouped, ending + b"0\r\n\r\n")


def models() -> bytes:
    """The reply to GET /v1/models."""
    listed = {"id": "bench", "object": "model", "created": CREATED, "owned_by": "bench"}
    return reply(200, {"object": "list", "data": [listed]})


def error(status: int, message: str) -> bytes:
    """A refusal in OpenAI's shape."""
    return reply(status, {"error": {"message": message, "type": "invalid_request_error"}})


def reply(status: int, body: Any) -> bytes:
    """A whole JSON reply."""
    payload = json.dumps(body).encode()
    return head(status, "application/json", len(payload)) + payload


def head(status: int, content_type: str, length: int | None) -> bytes:
    """Status line and headers; without a length the body is chunked."""
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = (f"HTTP/1.1 {status} .", f"Content-Type: {content_type}", framing)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _event(
    model: str,
    delta: dict[str, str] | None,
    *,
    finish_reason: str | None = None,
    usage: dict[str, int] | None = None,
) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    event: dict[str, Any] = {
        "id": "chatcmpl-stream",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "choices": [] if delta is None else [choice],
    }
    if usage is not None:
        event["usage"] = usage
    return _chunk(b"data: " + json.dumps(event).encode() + b"\n\n")


def _chunk(data: bytes) -> bytes:
    """Framed for Transfer-Encoding: chunked."""
    return b"%x\r\n%b\r\n" % (len(data), data)

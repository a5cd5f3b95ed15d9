"""How many tokens a text is: the likely number by its scripts, and a bound it cannot exceed."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

TOKENS_PER_MESSAGE = 4  # what a chat template usually adds around one message
BOUND_PER_MESSAGE = 16  # the most it adds in any template we know
JSON_FACTOR = 2  # tool and schema JSON is rewritten by templates before the model reads it

# Exact counters by tokenizer family ("o200k"); with one, the bound is its count, not the bytes.
# Empty until a tokenizer is a dependency worth having.
COUNTERS: dict[str, Callable[[str], int]] = {}


def estimate_tokens(text: str) -> int:
    """Likely token count of `text`."""
    return -(-len(text) // 4)


def estimate_input_tokens(messages: Sequence[Mapping[str, Any]], *, tools_json: str = "") -> int:
    """Likely prompt tokens of a whole conversation, its template included."""
    texts = [text for message in messages for text in _texts(message)]
    total = sum(estimate_tokens(text) for text in texts) + estimate_tokens(tools_json)
    return total + TOKENS_PER_MESSAGE * len(messages)


def input_bound_base(
    messages: Sequence[Mapping[str, Any]], *, tools_json: str = "", family: str | None = None
) -> int:
    """The most tokens these messages can be, without the model's own template allowance.

    Byte-level BPE never makes more tokens than there are UTF-8 bytes: bytes of all text, plus 16 a
    message, plus twice the bytes of tool and schema JSON. Where the model's tokenizer is at hand
    (`family` names one of `COUNTERS`), its count replaces the bytes. The caller adds
    `ModelSpec.template_allowance_tokens`.
    """
    count = COUNTERS.get(family or "", _utf8_length)
    texts = sum(count(text) for message in messages for text in _texts(message))
    extras = sum(_utf8_length(_extras_json(message)) for message in messages)
    json_bytes = extras + _utf8_length(tools_json)
    return texts + BOUND_PER_MESSAGE * len(messages) + JSON_FACTOR * json_bytes


def _utf8_length(text: str) -> int:
    # JSON may carry lone surrogates; they must be counted, not crash.
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _texts(message: Mapping[str, Any]) -> list[str]:
    content = message.get("content")
    if isinstance(content, str):
        return [content]
    if isinstance(content, Sequence):
        return [part["text"] for part in content if _is_text(part)]
    return []


def _is_text(part: Any) -> bool:
    return isinstance(part, Mapping) and isinstance(part.get("text"), str)


def _extras_json(message: Mapping[str, Any]) -> str:
    """Everything of a message that is neither its role nor its text: names, tool calls, parts."""
    extras = {key: value for key, value in message.items() if key not in ("role", "content")}
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        extras["content"] = [
            {k: v for k, v in part.items() if k != "text"} if _is_text(part) else part
            for part in content
        ]
    return json.dumps(extras, default=str) if extras else ""

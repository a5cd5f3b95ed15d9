"""From a validated conversation to what providers get, and its measures.

Left out is what only the caller cares for, or what some providers refuse: names, earlier thinking,
nulls. `developer` becomes `system`, which all of them know.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from router_app.errors import InvalidRequest
from router_app.records import Record

MOST_CHARACTERS = 2_000_000  # of all text together
MOST_IMAGES = 32

Message = Mapping[str, Any]


class Conversation(Record, frozen=True):
    """The messages as they are sent on, and how many images they hold."""

    messages: tuple[Message, ...]
    images: int


def conversation_of(messages: Iterable[Message]) -> Conversation:
    """Raises InvalidRequest for more than the bounds, or for an answer that says nothing."""
    sent = tuple(_sent(message, place) for place, message in enumerate(messages))
    characters, images = 0, 0
    for message in sent:
        content = message["content"]
        if isinstance(content, str):
            characters += len(content)
        elif content is not None:
            shown = [part for part in content if part["type"] == "image_url"]
            images += len(shown)
            characters += sum(len(part["text"]) for part in content if part["type"] == "text")
    if characters > MOST_CHARACTERS:
        words = f"holds more text than {MOST_CHARACTERS:,} characters"
        raise InvalidRequest(f"'messages' {words}.", param="messages")
    if images > MOST_IMAGES:
        words = f"holds more than {MOST_IMAGES} images"
        raise InvalidRequest(f"'messages' {words}.", param="messages")
    return Conversation(sent, images)


def _sent(message: Message, place: int) -> Message:
    match message["role"]:
        case "assistant":
            return _answered(message, place)
        case "tool":
            return {
                "role": "tool",
                "tool_call_id": message["tool_call_id"],
                "content": message["content"],
            }
        case "user":
            return {"role": "user", "content": _parts(message["content"])}
    return {"role": "system", "content": message["content"]}


def _parts(content: Any) -> Any:
    """An image's detail may be null, which nobody but the caller knows how to read."""
    if isinstance(content, str):
        return content
    return [
        {"type": "image_url", "image_url": _without_nulls(part["image_url"])}
        if part["type"] == "image_url"
        else part
        for part in content
    ]


def _answered(message: Message, place: int) -> Message:
    content = message.get("content") or message.get("refusal")
    if isinstance(content, list):
        content = [{"type": "text", "text": _said(part)} for part in content]
    calls = message.get("tool_calls")
    if not calls and content is None and message.get("content") is None:
        param = f"messages.{place}.content"
        raise InvalidRequest(f"'{param}' is required where there are no tool calls.", param=param)
    answered = {"role": "assistant", "content": content if content or calls else ""}
    return {**answered, "tool_calls": calls} if calls else answered


def _said(part: Mapping[str, str]) -> str:
    return part["text"] if part["type"] == "text" else part["refusal"]


def _without_nulls(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}

"""From the body of a chat completion to the gateway's request. Nothing is decided here."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from router_app.api.v1.conversation import conversation_of
from router_app.api.v1.naming import read_name
from router_app.api.v1.requests import ChatBody
from router_app.errors import InvalidRequest
from router_app.gateway.keys import Principal
from router_app.gateway.requests import Face, RouteRequest
from router_app.routing.needs import Need
from router_app.routing.tasks import Quality, Task

T = TypeVar("T")

MOST_NESTING = 100  # of a schema; deeper ones could be read but not written again

_PASSED_ON = ("temperature", "top_p", "seed", "stop", "user")
_FORMS = {"json_object": Need.JSON_MODE, "json_schema": Need.JSON_SCHEMA}
NOTHING_SPECIAL: frozenset[Need] = frozenset()
_encoder = msgspec.json.Encoder()


def route_request(body: ChatBody, caller: Principal) -> RouteRequest:
    """The same for the gateway. Raises InvalidRequest where members contradict each other."""
    named, wishes = read_name(body.model), body.wishes
    conversation = conversation_of(body.messages)
    return RouteRequest(
        user_id=caller.user_id,
        api_key_id=caller.api_key_id,
        face=Face.V1,
        messages=conversation.messages,
        task=_agreed("task_type", named.task, wishes.task_type) or Task.GENERAL,
        quality=_agreed("quality", named.quality, wishes.quality) or Quality.MEDIUM,
        budget_nanos=wishes.budget,
        model=named.model,
        max_tokens=_max_tokens(body),
        allow_lower_quality=wishes.allow_lower_quality is not False,
        extra=_extra(body),
        needs=_needs(body, conversation.images),
        reasoning_effort=body.reasoning_effort,
        images=conversation.images,
        schema_json=_schema_json(body),
        whole=not body.streams,
    )


def _agreed(member: str, named: T | None, wished: T | None) -> T | None:
    if named is not None and wished is not None and named != wished:
        param = f"router.{member}"
        raise InvalidRequest(f"'{param}' says something else than 'model'.", param=param)
    return named or wished


def _max_tokens(body: ChatBody) -> int | None:
    old, new = body.max_tokens, body.max_completion_tokens
    if old is not None and new is not None and old != new:
        words = "'max_tokens' says something else than 'max_completion_tokens'."
        raise InvalidRequest(words, param="max_tokens")
    return old if new is None else new


def _extra(body: ChatBody) -> Mapping[str, Any]:
    """What the provider gets as it is; its adapter sees to it that the cap stays ours."""
    extra = {name: value for name in _PASSED_ON if (value := getattr(body, name)) not in (None, [])}
    _check_choice(body)
    if body.tools:
        extra["tools"] = [_without_nulls(tool, "function") for tool in body.tools]
        for name in ("tool_choice", "parallel_tool_calls"):
            if getattr(body, name) is not None:
                extra[name] = getattr(body, name)
    if _form(body) != "text":
        extra["response_format"] = _without_nulls(body.response_format or {}, "json_schema")
    return extra


def _without_nulls(value: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    """A copy whose `member` says only what is said. In schemas a null has a meaning and stays."""
    if member not in value:
        return value
    return {**value, member: {name: it for name, it in value[member].items() if it is not None}}


def _check_choice(body: ChatBody) -> None:
    choice = body.tool_choice
    if choice in (None, "none", "auto"):
        return
    names = {tool["function"]["name"] for tool in body.tools or ()}
    if not names or (isinstance(choice, dict) and choice["function"]["name"] not in names):
        raise InvalidRequest("'tool_choice' asks for what is not in 'tools'.", param="tool_choice")


def _needs(body: ChatBody, images: int) -> frozenset[Need]:
    form = _FORMS.get(_form(body))
    if not (form or body.tools or images):
        return NOTHING_SPECIAL
    needs = {form} if form else set()
    if body.tools:
        needs.add(Need.TOOLS)
    if images:
        needs.add(Need.VISION)
    return frozenset(needs)


def _form(body: ChatBody) -> str:
    return body.response_format["type"] if body.response_format else "text"


def _schema_json(body: ChatBody) -> str:
    """Tools and the answer's schema as text: what the model reads besides the messages."""
    if not body.tools and body.response_format is None:
        return ""
    parts: list[Any] = []
    if body.tools:
        _check_nesting(body.tools, "tools")
        parts.append(body.tools)
    if _form(body) == "json_schema":
        _check_nesting(body.response_format, "response_format")
        parts.append(body.response_format)
    return "".join(_encoder.encode(part).decode() for part in parts)


def _check_nesting(value: Any, param: str) -> None:
    if _is_deeper(value, MOST_NESTING):
        raise InvalidRequest(f"'{param}' is nested too deeply.", param=param)


def _is_deeper(value: Any, most: int) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return most == 0 or any(_is_deeper(item, most - 1) for item in value)

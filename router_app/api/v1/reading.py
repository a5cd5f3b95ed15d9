"""From the bytes of a body to what it asks for.

The text is strict JSON in UTF-8, read by msgspec, because it is several times as fast as the
standard library. It makes floats, which are good enough for temperatures and never for money: a
budget is read once more, as its digits.
"""

from decimal import Decimal
from typing import Any

import msgspec
from pydantic import ValidationError

from router_app.api.v1.errors import invalid_body
from router_app.api.v1.requests import ChatBody
from router_app.errors import InvalidRequest

_decoder = msgspec.json.Decoder()


class _WithRouter(msgspec.Struct):
    router: msgspec.Raw


class _WithBudget(msgspec.Struct):
    budget: msgspec.Raw


_routers = msgspec.json.Decoder(_WithRouter)
_budgets = msgspec.json.Decoder(_WithBudget)


def read_chat(body: bytes) -> ChatBody:
    """The body of a chat completion. Raises InvalidRequest, which names the field."""
    value = _read_json(body)
    if not isinstance(value, dict):
        raise InvalidRequest("The body must be a JSON object with the fields of this endpoint.")
    router = value.get("router")
    if isinstance(router, dict) and isinstance(router.get("budget"), float):
        router["budget"] = _exact_budget(body)
    try:
        return ChatBody.model_validate(value)
    except ValidationError as invalid:
        found = invalid.errors(include_url=False, include_context=False, include_input=False)
        raise invalid_body(found) from None


def _read_json(body: bytes) -> Any:
    try:
        return _decoder.decode(body)
    except RecursionError:
        raise InvalidRequest("The body is nested too deeply.") from None
    except (msgspec.MsgspecError, ValueError):
        raise InvalidRequest("The body is not valid JSON in UTF-8.") from None


def _exact_budget(body: bytes) -> Decimal:
    router = _routers.decode(body).router
    return Decimal(bytes(_budgets.decode(router).budget).decode())

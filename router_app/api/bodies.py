"""Reading a JSON body so that nothing in it can surprise what comes after.

Numbers stay exact (`Decimal`, never float), `NaN` and `Infinity` are no JSON, the text is UTF-8
without a byte order mark. Which fields there may be is for the pydantic models to say.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, cast

from django.http import HttpRequest
from ninja.parser import Parser
from ninja.types import DictStrAny

from router_app.api.errors import UnsupportedMediaType
from router_app.errors import InvalidRequest


class StrictParser(Parser):
    """Reads bodies for the framework; what it raises is answered as it is."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        if request.content_type != "application/json" or "Content-Encoding" in request.headers:
            raise UnsupportedMediaType
        return cast(DictStrAny, read_json(request.body))


def read_json(body: bytes) -> Any:
    """The value that `body` holds. Raises InvalidRequest for what is not strict JSON in UTF-8."""
    try:
        return json.loads(body.decode(), parse_float=_exact, parse_constant=_no_number)
    except RecursionError:
        raise InvalidRequest("The body is nested too deeply.") from None
    except ValueError:
        raise InvalidRequest("The body is not valid JSON in UTF-8.") from None


def _exact(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise ValueError("a number of this size is not for us") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")

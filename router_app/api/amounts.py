"""JSON text whose amounts are exact: numbers in USD, never an exponent, never a float's tail.

Inside, an amount is an integer in nano-dollars. It becomes digits here and nowhere else, and the
digits go into the JSON as they are: no float is ever made of them.
"""

from decimal import Decimal
from typing import Annotated, Any

import msgspec
from pydantic import PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from router_app.money import nanos_from_usd, plain_usd

MOST_USD = 1_000_000

_encoder = msgspec.json.Encoder()


def usd(nanos: int) -> msgspec.Raw:
    """The amount as a JSON number in USD: `0.000413`, `12.4`, `0`."""
    return msgspec.Raw(plain_usd(nanos).encode())


def encode(value: Any) -> bytes:
    """JSON text of plain values, dates (RFC 3339), UUIDs and what `usd` made."""
    return _encoder.encode(value)


def budget_nanos(value: Any) -> int:
    """What a caller sent as a budget, in nano-dollars: a JSON number, above 0, at most 9 decimals.

    Numbers arrive as int or Decimal, because bodies are read without floats.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PydanticCustomError("usd_type", "must be a JSON number, in US dollars")
    if not 0 < value <= MOST_USD:
        raise PydanticCustomError(
            "usd_range", f"must be above 0 and at most {MOST_USD:,} US dollars"
        )
    try:
        return nanos_from_usd(value)
    except ValueError:
        raise PydanticCustomError(
            "usd_precision", "cannot be finer than a nano-dollar (9 decimals)"
        ) from None


_NUMBER = {"type": "number", "description": "US dollars, exact to the nano-dollar (9 decimals)."}

# A member of a reply: nano-dollars inside, USD outside.
Usd = Annotated[
    int,
    PlainSerializer(usd, return_type=Any),
    WithJsonSchema(_NUMBER, mode="serialization"),
]

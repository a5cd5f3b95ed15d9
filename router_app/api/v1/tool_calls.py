"""Tool calls as they are told: what OpenAI's clients know of them, and nothing else.

The provider's adapter has checked that they are a JSON array of objects. What such an object holds
besides, and what of it has another type than it should, is the provider's own affair.
"""

import msgspec
from msgspec import UNSET, UnsetType


class _Function(msgspec.Struct):
    name: str | UnsetType | None = UNSET
    arguments: str | UnsetType | None = UNSET


class _Piece(msgspec.Struct):
    index: int | UnsetType = UNSET
    id: str | UnsetType | None = UNSET
    type: str | UnsetType | None = UNSET
    function: _Function | UnsetType | None = UNSET


_decoder = msgspec.json.Decoder(list[_Piece])
_encoder = msgspec.json.Encoder()


def as_told(calls: bytes) -> bytes:
    """The calls, or the pieces of them, without what is not for clients."""
    try:
        return _encoder.encode(_decoder.decode(calls))
    except msgspec.MsgspecError:
        return calls  # it was read as far as it can be

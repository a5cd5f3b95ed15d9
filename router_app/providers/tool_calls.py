"""What stands under `tool_calls`, checked and written as JSON, without any IO.

A piece of a stream carries an `index` and a part of a call; a whole answer holds complete calls
without one. Whoever reads gets what was asked for, whatever the server chose to send.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

# Neither half of a surrogate pair nor NUL can be stored or sent on; they become U+FFFD.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
MAX_CALLS = 1_024  # of one answer; servers stop at 128
_NUL = b"\\u0000"

Calls = Sequence[Mapping[str, Any]]


def read_calls(value: Any) -> Calls:
    """The calls where `value` is a list of objects; otherwise none."""
    if not isinstance(value, list) or len(value) > MAX_CALLS:
        return ()
    return value if all(isinstance(call, dict) for call in value) else ()


def indexed(calls: Calls) -> Calls:
    """Complete calls as one piece of a stream: numbered, where they are not."""
    return [{"index": number, **call} for number, call in enumerate(calls)]


def written(calls: Calls) -> bytes:
    """Compact JSON that can be stored and sent on; b"" where it is nested too deeply to write."""
    try:
        data = msgspec.json.encode(calls)
        if _NUL not in data:
            return data
    except UnicodeEncodeError:
        pass
    except RecursionError:
        return b""
    return _written_clean(calls)


def _written_clean(calls: Calls) -> bytes:
    try:
        text = json.dumps(_clean(calls), ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, ValueError):
        return b""
    return text.encode()


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, Mapping):
        return {_clean(name): _clean(item) for name, item in value.items()}
    return value


class Joiner:
    """Puts the pieces of a stream together to complete calls, as OpenAI's own clients do.

    A piece belongs to the call of its `index`; without one, a new `id` begins a call and anything
    else goes on with the last.
    """

    def __init__(self) -> None:
        self._calls: dict[int, _Call] = {}
        self._last = -1

    def add(self, pieces: Calls) -> None:
        """Take what one chunk held."""
        for piece in pieces:
            self._last = self._place_of(piece)
            if self._last in self._calls or len(self._calls) < MAX_CALLS:
                self._calls.setdefault(self._last, _Call()).add(piece)

    def complete(self) -> Calls:
        """The calls so far, in their order."""
        return [self._calls[place].complete() for place in sorted(self._calls)]

    def _place_of(self, piece: Mapping[str, Any]) -> int:
        index = piece.get("index")
        if isinstance(index, int) and not isinstance(index, bool):
            return index
        begins = not self._calls or bool(piece.get("id"))
        return max(self._calls, default=-1) + 1 if begins else self._last


class _Call:
    """One call. Its arguments come in pieces, everything else once (or again and again)."""

    def __init__(self) -> None:
        self._members: dict[str, Any] = {}
        self._function: dict[str, Any] = {}
        self._arguments: list[str] = []

    def add(self, piece: Mapping[str, Any]) -> None:
        for name, value in piece.items():
            if name == "function":
                self._add_function(value)
            elif name != "index" and value not in (None, ""):
                self._members[name] = value

    def _add_function(self, piece: Any) -> None:
        for name, value in piece.items() if isinstance(piece, Mapping) else ():
            if name == "arguments" and isinstance(value, str):
                self._arguments.append(value)
            elif value not in (None, ""):
                self._function[name] = value

    def complete(self) -> Mapping[str, Any]:
        function = {**self._function, "arguments": "".join(self._arguments)}
        return {**self._members, "function": function}

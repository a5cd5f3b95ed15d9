"""From what pydantic says about a body or a query to the one error that the caller is told."""

from collections.abc import Mapping, Sequence
from typing import Any

from router_app.errors import InvalidRequest

SHOWN_LENGTH = 80  # of a field's name, which the caller may have invented

_OWN_WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not a field that this endpoint knows",
    "string_unicode": "is not valid Unicode text",
}


def from_validation(errors: Sequence[Mapping[str, Any]]) -> InvalidRequest:
    """The first of the errors, as a sentence about the field that it names."""
    first = errors[0]
    param = _param(first["loc"])
    words = _OWN_WORDS.get(first["type"]) or _lowered(first["msg"])
    if param is None:
        return InvalidRequest("The body must be a JSON object with the fields of this endpoint.")
    return InvalidRequest(f"'{param}' {words}.", param=param)


def _param(loc: Sequence[str | int]) -> str | None:
    """The field's name without where it was looked for: ("body", "body", "budget") -> "budget"."""
    path = loc[2:] if loc[0] == "body" else loc[1:]
    name = ".".join(str(part) for part in path)
    shown = "".join(char if char.isprintable() else "\ufffd" for char in name)
    return shown[:SHOWN_LENGTH] or None


def _lowered(message: str) -> str:
    """pydantic's sentence as the end of ours; its sentences never quote the value."""
    verb = message.removeprefix("Input ").removeprefix("String ")
    return verb[:1].lower() + verb[1:].rstrip(".")

"""Amounts of US dollars as tables spell them: `$1,234.50`, `12,40`, `1.5e-05`. Pure.

A point or comma before exactly three digits could be either mark. The other amounts of the table
decide which it is; where none does, a point is a decimal point, as programs write it, and a comma
is an error.
"""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN
from enum import Enum

from router_app.money import NANOS_PER_USD, nanos_from_usd

LONGEST = 40
MOST_NANOS = 1_000_000 * NANOS_PER_USD  # of one amount: somebody mistyped
_NOISE = re.compile(r"US\$|USD|\$|\s", re.IGNORECASE)
_WHOLE = re.compile(r"\d+", re.ASCII)
_EXPONENT = re.compile(r"\d+(\.\d+)?[eE][+-]?\d{1,3}", re.ASCII)


class Marks(Enum):
    """Which mark stands before the decimals."""

    POINT = "point"
    COMMA = "comma"


_CERTAIN = {
    Marks.POINT: re.compile(r"\d{1,3}(,\d{3})+\.\d*|\d{1,3}(,\d{3}){2,}|\d*\.\d+|\d+\.", re.ASCII),
    Marks.COMMA: re.compile(r"\d{1,3}(\.\d{3})+,\d*|\d{1,3}(\.\d{3}){2,}|\d*,\d+|\d+,", re.ASCII),
}
_EITHER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}", re.ASCII)


def amounts_of(cells: Mapping[int, str]) -> tuple[dict[int, int], dict[int, str]]:
    """Nano-dollars by line, and what is wrong by line. Finer than a nano-dollar is rounded."""
    bare = {line: _NOISE.sub("", text) for line, text in cells.items()}
    marks = {line: _certain(text) for line, text in bare.items()}
    found: dict[int, int] = {}
    wrong: dict[int, str] = {}
    style = next((mark for mark in marks.values() if mark), None)
    for line, text in bare.items():
        try:
            found[line] = _nanos(text, marks[line], style)
        except ValueError as error:
            wrong[line] = str(error)
    return found, wrong


def _certain(text: str) -> Marks | None:
    """The mark that this amount alone is certain of."""
    if _EXPONENT.fullmatch(text):
        return Marks.POINT
    if _EITHER.fullmatch(text):
        return None
    return next((mark for mark, shape in _CERTAIN.items() if shape.fullmatch(text)), None)


def _nanos(text: str, mark: Marks | None, style: Marks | None) -> int:
    if len(text) > LONGEST:
        raise ValueError("is too long for an amount")
    if text.startswith(("-", "(")):
        raise ValueError("is below nothing; leave credits out")
    either = _EITHER.fullmatch(text) is not None
    if not (mark or either or _WHOLE.fullmatch(text)):
        raise ValueError("is not an amount of US dollars, such as 12.40")
    if mark and style and mark is not style:
        raise ValueError(f"has a decimal {mark.value}, others have a decimal {style.value}")
    if either and style is None and "," in text:
        whole, part = text.split(",")
        raise ValueError(f"could be {whole}{part} and {whole}.{part}; write one of these")
    nanos = nanos_from_usd(_digits(text, style or Marks.POINT), rounding=ROUND_HALF_EVEN)
    if nanos > MOST_NANOS:
        raise ValueError("is more than a million US dollars")
    return nanos


def _digits(text: str, style: Marks) -> str:
    if style is Marks.COMMA:
        return text.replace(".", "").replace(",", ".")
    return text.replace(",", "")

"""How long an answer is likely to be, and how long it may be. All in tokens."""

from collections.abc import Mapping
from typing import NamedTuple


class _Shape(NamedTuple):
    """Length of answers to one task."""

    percent_of_input: int
    at_least: int  # even a one-word prompt gets an answer of this length
    default_cap: int


# Shares and floors were given with the product's rules. The caps are ours and generous: models
# that think spend hundreds of tokens before the first visible word, and a cut answer is paid for
# like a whole one. What a caller does not use flows back when the call is settled.
_SHAPES: Mapping[str, _Shape] = {
    "general": _Shape(150, 150, 4096),
    "code": _Shape(250, 300, 8192),
    "email": _Shape(80, 200, 2048),
    "summarize": _Shape(30, 100, 2048),
}


def expected_output_tokens(task: str, input_tokens: int) -> int:
    """Likely length of the answer: a share of the input, never below the task's floor.

    `task` is one of general, code, email, summarize; anything else is a KeyError.
    """
    shape = _SHAPES[task]
    return max(shape.at_least, -(-input_tokens * shape.percent_of_input // 100))


def default_cap_tokens(task: str, expected_tokens: int = 0) -> int:
    """The output cap where the caller named none; never below what the answer is expected to be."""
    return max(_SHAPES[task].default_cap, expected_tokens)

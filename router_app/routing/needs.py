"""What a request needs that not every model can do."""

import re
from enum import StrEnum

# What providers call an effort: "low", "none", "xhigh". Anything else would end in a receipt.
_EFFORT = re.compile("[a-z]{1,20}")


class Need(StrEnum):
    """An ability that the catalogue knows of each model."""

    TOOLS = "tools"
    VISION = "vision"
    JSON_MODE = "json_mode"
    JSON_SCHEMA = "json_schema"


def is_effort(word: str) -> bool:
    """Whether `word` can be a value of `reasoning_effort`: lower-case letters, at most 20."""
    return _EFFORT.fullmatch(word) is not None

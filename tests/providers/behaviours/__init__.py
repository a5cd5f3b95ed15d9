"""What a hostile upstream can do, by name. Billed is what it made, whether it arrived or not.

A behaviour is one function that is handed an `Exchange`; add one to the module it fits, and say in
`test_hostile.py` what must come of it.
"""

from tests.providers.behaviours import (
    answering,
    breaking,
    calling_tools,
    framing,
    refusing,
    stalling,
)
from tests.providers.behaviours.table import BY_NAME, INPUT_TOKENS, TEXT

__all__ = [
    "BY_NAME",
    "INPUT_TOKENS",
    "TEXT",
    "answering",
    "breaking",
    "calling_tools",
    "framing",
    "refusing",
    "stalling",
]

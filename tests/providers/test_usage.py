"""Token counts become money: only what can be true is believed."""

from typing import Any

import pytest

from router_app.providers.base import Usage
from router_app.providers.usage import read_usage

GOOD = {"prompt_tokens": 20, "completion_tokens": 4}


@pytest.mark.parametrize(
    "raw, usage",
    [
        (GOOD, Usage(20, 4)),
        ({**GOOD, "prompt_tokens_details": {"cached_tokens": 16}}, Usage(20, 4, 16)),
        ({**GOOD, "completion_tokens_details": {"reasoning_tokens": 3}}, Usage(20, 4, 0, 3)),
        ({**GOOD, "prompt_tokens_details": None}, Usage(20, 4)),
        ({**GOOD, "prompt_tokens_details": {"cached_tokens": 21}}, Usage(20, 4)),
        ({**GOOD, "prompt_tokens_details": {"cached_tokens": "16"}}, Usage(20, 4)),
        ({**GOOD, "completion_tokens_details": {"reasoning_tokens": -1}}, Usage(20, 4)),
        ({**GOOD, "completion_tokens": 0}, Usage(20, 0)),
        ({**GOOD, "completion_tokens": 1_000_000_000}, Usage(20, 1_000_000_000)),
        ({**GOOD, "completion_tokens": 1_000_000_001}, None),
        ({**GOOD, "completion_tokens": 10**30}, None),
        ({**GOOD, "prompt_tokens": -1}, None),
        ({**GOOD, "prompt_tokens": "20"}, None),
        ({**GOOD, "prompt_tokens": 20.0}, None),
        ({**GOOD, "prompt_tokens": True}, None),
        ({**GOOD, "prompt_tokens": None}, None),
        ({"prompt_tokens": 20}, None),
        ({"prompt_tokens": 0, "completion_tokens": 0}, None),
        ({"dram_cached_tokens": 1, "sram_cached_tokens": 2}, None),
        ([], None),
        (None, None),
    ],
)
def test_what_is_believed(raw: Any, usage: Usage | None) -> None:
    assert read_usage(raw) == usage

"""What a provider says it used, read with suspicion: this becomes money."""

from typing import Any

from router_app.providers.base import Usage

MAX_TOKENS = 1_000_000_000  # of one call; more is a fault, not a bill


def read_usage(raw: Any) -> Usage | None:
    """The counts in a `usage` object, or None where it cannot be believed.

    Input and output must be whole numbers from 0 to MAX_TOKENS, and not both 0: a call that was
    answered read something. A detail that is no part of its whole is dropped, the rest stays.
    Groq's other `x_groq.usage` (hardware caches) has neither count and so is None.
    """
    if not isinstance(raw, dict):
        return None
    given, made = _count(raw.get("prompt_tokens")), _count(raw.get("completion_tokens"))
    if given is None or made is None or given + made == 0:
        return None
    return Usage(
        input_tokens=given,
        output_tokens=made,
        cached_tokens=_part(raw.get("prompt_tokens_details"), "cached_tokens", given),
        reasoning_tokens=_part(raw.get("completion_tokens_details"), "reasoning_tokens", made),
    )


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MAX_TOKENS else None


def _part(details: Any, name: str, whole: int) -> int:
    """A subset of `whole`; 0 where it is absent or cannot be true."""
    part = _count(details.get(name)) if isinstance(details, dict) else None
    return part if part is not None and part <= whole else 0

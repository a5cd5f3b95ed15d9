"""Whether the same model is asked again, and after how long. Pure.

The gateway asks these questions, because each further attempt needs a reservation of its own.
`attempt` counts from 0: it is how many attempts failed before the one that failed now.
"""

import random
from collections.abc import Callable

from router_app.providers.base import ProviderFailure

MAX_RETRIES = 2
FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 8.0
MAX_WAIT_SECONDS = 10.0  # a person waits; beyond this the next candidate is the better answer
JITTER = 0.25  # the share of a delay that is left to chance, so that callers do not come in step


def should_retry(failure: ProviderFailure, attempt: int, any_text_sent: bool) -> bool:
    """True if the same model is worth another attempt; otherwise the next candidate's turn comes.

    The provider's word (x-should-retry) is in `failure.retry` already.
    """
    if any_text_sent:
        return False  # the person has read half of it: a second beginning would confuse and cost
    if attempt >= MAX_RETRIES:
        return False  # what fails three times fails the fourth
    if (failure.retry_after_seconds or 0) > MAX_WAIT_SECONDS:
        return False  # it told us to stay away longer than anybody waits
    return failure.retry  # the table in failures.py knows what may pass by itself


def delay_seconds(
    attempt: int, retry_after: float | None, *, jitter: Callable[[], float] = random.random
) -> float:
    """How long to wait before the next attempt, in seconds.

    Doubles from FIRST_DELAY_SECONDS to MAX_DELAY_SECONDS, less up to JITTER of it. What the
    provider asked for is waited in full, and a little more. `jitter` returns 0 to 1.
    """
    backoff = min(FIRST_DELAY_SECONDS * 2.0 ** min(attempt, 10), MAX_DELAY_SECONDS)
    if retry_after is not None:
        return retry_after + backoff * JITTER * jitter()
    return backoff * (1 - JITTER * jitter())

"""When a message that did not arrive is tried again. Pure."""

import random
from collections.abc import Callable
from datetime import timedelta

DELAYS = (
    timedelta(seconds=30),  # a restart
    timedelta(minutes=2),
    timedelta(minutes=10),  # a deployment
    timedelta(hours=1),
    timedelta(hours=6),  # a night; what comes later is no alert any more
)
JITTER = 0.2  # up to this share of a delay is added by chance, so that messages do not come in step


def next_try(attempt: int, *, jitter: Callable[[], float] = random.random) -> timedelta | None:
    """How long to wait after `attempt`, counted from 1, has failed; None: give up.

    `jitter` returns 0 to 1. Raises ValueError for an attempt below 1.
    """
    if attempt < 1:
        raise ValueError("attempts are counted from 1")
    if attempt > len(DELAYS):
        return None
    return DELAYS[attempt - 1] * (1 + JITTER * jitter())

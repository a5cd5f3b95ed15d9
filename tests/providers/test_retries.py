"""When the same model is asked again, and after how long."""

import pytest

from router_app.providers.base import Billing, FailureKind, ProviderFailure
from router_app.providers.retries import MAX_RETRIES, delay_seconds, should_retry


def busy(retry_after: float | None = None, *, retry: bool = True) -> ProviderFailure:
    """A 429."""
    return ProviderFailure(
        FailureKind.OVERLOADED,
        "busy",
        billing=Billing.NOT_BILLED,
        retry=retry,
        retry_after_seconds=retry_after,
    )


@pytest.mark.parametrize(
    "failure, attempt, any_text_sent, answer",
    [
        (busy(), 0, False, True),
        (busy(), MAX_RETRIES - 1, False, True),
        (busy(), MAX_RETRIES, False, False),
        (busy(), 0, True, False),
        (busy(retry=False), 0, False, False),
        (busy(10.0), 0, False, True),
        (busy(10.1), 0, False, False),
    ],
)
def test_should_retry(
    failure: ProviderFailure, attempt: int, any_text_sent: bool, answer: bool
) -> None:
    assert should_retry(failure, attempt, any_text_sent) is answer


@pytest.mark.parametrize(
    "attempt, retry_after, jitter, seconds",
    [
        (0, None, 0.0, 0.5),
        (0, None, 1.0, 0.375),
        (1, None, 0.0, 1.0),
        (9, None, 0.0, 8.0),
        (2000, None, 0.0, 8.0),
        (0, 3.0, 0.0, 3.0),
        (0, 3.0, 1.0, 3.125),
        (0, 0.0, 0.0, 0.0),
    ],
)
def test_delay(attempt: int, retry_after: float | None, jitter: float, seconds: float) -> None:
    assert delay_seconds(attempt, retry_after, jitter=lambda: jitter) == seconds

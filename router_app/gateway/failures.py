"""What a caller is told when a provider failed; and what a receipt says about it."""

from math import ceil

from router_app.errors import (
    InvalidRequest,
    ProviderFailed,
    ProviderOverloaded,
    ProviderTimeout,
    RouterError,
    Unavailable,
)
from router_app.gateway.ended import Ending
from router_app.gateway.requests import Admission
from router_app.models import Call
from router_app.providers.base import Billing, FailureKind, ProviderFailure


def error_of(failure: ProviderFailure) -> RouterError:
    """The error for the caller, in our words only."""
    if failure.kind == FailureKind.TOO_LONG:
        message = "The prompt is too long for the model that was to answer it."
        return InvalidRequest(message, param="prompt", code="context_length_exceeded")
    if failure.kind == FailureKind.TIMEOUT:
        return ProviderTimeout("The model did not answer in time.")
    if failure.kind == FailureKind.OVERLOADED:
        seconds = max(1, ceil(failure.retry_after_seconds or 5))
        message = "The provider is overloaded. Try again in a moment."
        return ProviderOverloaded(message, retry_after_seconds=seconds)
    if failure.kind == FailureKind.BROKEN_STREAM:
        return ProviderFailed("The connection to the provider broke before the answer was whole.")
    if failure.kind == FailureKind.REJECTED:
        return ProviderFailed("The provider did not take this request.")
    return ProviderFailed("The provider could not answer.")


def cut_off(ending: Ending) -> RouterError | None:
    """Why the text of this ending is not whole; None where it is, or where the person stopped."""
    if ending.failure is not None:
        return error_of(ending.failure)
    if ending.outcome == Call.Outcome.INTERRUPTED and ending.error is not None:
        return Unavailable(str(ending.error["message"]))
    return None


def words_of(admission: Admission, failure: ProviderFailure) -> str:
    """ "failed just now: too many requests at the provider (HTTP 429)", for receipts."""
    return f"{admission.spec.name} failed just now: {failure.detail}"


def unexpected() -> ProviderFailure:
    """Our own fault while a call was under way: nobody knows what was billed."""
    detail = "an unexpected error on our side"
    return ProviderFailure(FailureKind.PROTOCOL, detail, billing=Billing.UNKNOWN)

"""What a provider's refusal means: one flat table from HTTP status and error code to a failure.

A provider's own words never leave this module: they can hold keys, prompts and addresses. Its
codes are looked up, its text is thrown away.

"Not billed" is said only where the provider refused before it worked; everything else is unknown.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from router_app.providers.base import Billing, FailureKind, ProviderFailure, Usage

MAX_ERROR_BYTES = 64_000  # how much of an error's body is read
MAX_RETRY_AFTER_SECONDS = 60.0  # a longer wait is not worth remembering: ask again then

_FREE, _MAYBE = Billing.NOT_BILLED, Billing.UNKNOWN
_RETRY, _NO_RETRY = True, False


class Meaning(NamedTuple):
    """A row of the table."""

    kind: FailureKind
    billing: Billing
    retry: bool
    detail: str


_GONE = Meaning(FailureKind.MODEL_GONE, _FREE, _NO_RETRY, "the provider no longer has this model")
_BROKE = Meaning(FailureKind.OUT_OF_MONEY, _FREE, _NO_RETRY, "the provider account has no money")
_KEY = Meaning(FailureKind.CREDENTIALS, _FREE, _NO_RETRY, "the provider refused our key")
_BUSY = Meaning(FailureKind.OVERLOADED, _FREE, _RETRY, "too many requests at the provider")
_FULL = Meaning(FailureKind.OVERLOADED, _MAYBE, _RETRY, "the provider is overloaded")
_DOWN = Meaning(FailureKind.SERVER, _MAYBE, _RETRY, "the provider failed")
_LONG = Meaning(FailureKind.TOO_LONG, _FREE, _NO_RETRY, "the prompt is too long for this model")
_NOT_ALLOWED = Meaning(
    FailureKind.MODEL_GONE, _FREE, _NO_RETRY, "our key may not use this model at the provider"
)
_NO_SUCH_PLACE = Meaning(
    FailureKind.REJECTED, _FREE, _NO_RETRY, "the provider does not know the address we called"
)
_ELSEWHERE = Meaning(
    FailureKind.PROTOCOL, _FREE, _NO_RETRY, "the provider sent us elsewhere; we do not follow"
)
_REFUSED = Meaning(FailureKind.REJECTED, _FREE, _NO_RETRY, "the provider refused the request")
_BAD_OUTPUT = Meaning(
    FailureKind.REJECTED, _MAYBE, _NO_RETRY, "the model's output did not fit what was asked for"
)
_STRANGE = Meaning(
    FailureKind.PROTOCOL, _MAYBE, _NO_RETRY, "the provider answered with an unexpected status"
)
_INSIDE = Meaning(
    FailureKind.PROTOCOL, _MAYBE, _NO_RETRY, "the provider reported an error inside its answer"
)

# A code (or, failing that, a type) says more than a status, wherever it stands.
BY_CODE: Mapping[str, Meaning] = {
    "model_decommissioned": _GONE,
    "model_not_found": _GONE,
    "model_not_active": _GONE,
    "model_permission_blocked_org": _NOT_ALLOWED,
    "model_permission_blocked_project": _NOT_ALLOWED,
    "blocked_api_access": _BROKE,  # Groq's organisation-wide spending limit
    "insufficient_quota": _BROKE,
    "insufficient_balance": _BROKE,
    "billing_hard_limit_reached": _BROKE,
    "invalid_api_key": _KEY,
    "expired_api_key": _KEY,
    "rate_limit_exceeded": _BUSY,
    "capacity_exceeded": _BUSY,
    "context_length_exceeded": _LONG,
    "request_too_large": _LONG,
    "exceed_context_size_error": _LONG,  # llama.cpp
    "unknown_url": _NO_SUCH_PLACE,
    "json_validate_failed": _BAD_OUTPUT,
    "tool_use_failed": _BAD_OUTPUT,
    "server_error": _DOWN,
    "internal_server_error": _DOWN,
    "service_unavailable": _FULL,
}

BY_STATUS: Mapping[int, Meaning] = {
    400: _REFUSED,
    401: _KEY,
    402: _BROKE,
    403: _KEY,
    404: _GONE,
    408: Meaning(FailureKind.TIMEOUT, _MAYBE, _RETRY, "the provider gave up waiting"),
    409: Meaning(FailureKind.REJECTED, _MAYBE, _RETRY, "the provider reports a conflict"),
    413: _LONG,
    422: Meaning(FailureKind.REJECTED, _MAYBE, _NO_RETRY, "the provider cannot process it"),
    424: _REFUSED,
    425: Meaning(FailureKind.OVERLOADED, _FREE, _RETRY, "the provider is not ready yet"),
    429: _BUSY,
    498: _BUSY,  # Groq: no room in the flex tier
    499: Meaning(FailureKind.BROKEN_STREAM, _MAYBE, _NO_RETRY, "the request counts as cancelled"),
    503: _FULL,
    529: _FULL,  # "site is overloaded", seen at other providers
}


def refusal(
    status: int, headers: Mapping[str, str], body: bytes, *, now: datetime | None = None
) -> ProviderFailure:
    """The failure for an answer whose status is not 200. `headers` has lower-case names.

    `body` is the beginning of the answer (at most MAX_ERROR_BYTES); only its code is used.
    """
    error = _error_member(_json_or_none(body))
    meaning = _by_code(error) or _by_status(status, is_api_error=error is not None)
    return ProviderFailure(
        meaning.kind,
        f"{meaning.detail} (HTTP {status})",
        billing=_MAYBE if status >= 500 else meaning.billing,
        retry=_asked_to_retry(headers, meaning.retry),
        retry_after_seconds=retry_after(headers, now or datetime.now(UTC)),
        status=status,
    )


def error_inside(error: Any, *, anything_came: bool, usage: Usage | None) -> ProviderFailure:
    """The failure for an error inside an answer that began with 200.

    `error` is what stood under "error". A provider that said 200 took the request: money may have
    been spent, whatever the code says.
    """
    meaning = _by_code(error) or _by_number(error) or _INSIDE
    return ProviderFailure(
        meaning.kind,
        meaning.detail,
        billing=_MAYBE,
        retry=meaning.retry and not anything_came,
        status=200,
        usage=usage,
    )


def garbage(detail: str) -> ProviderFailure:
    """The failure for an answer that breaks the protocol. `detail` must be in our words."""
    return ProviderFailure(FailureKind.PROTOCOL, detail, billing=_MAYBE)


def broken(detail: str) -> ProviderFailure:
    """The failure for a connection that ended too early, after the request went out."""
    return ProviderFailure(FailureKind.BROKEN_STREAM, detail, billing=_MAYBE, retry=True)


def unreachable(detail: str, *, retry: bool = True) -> ProviderFailure:
    """The failure for a request that was provably never sent."""
    return ProviderFailure(FailureKind.CONNECT, detail, billing=_FREE, retry=retry)


def no_address() -> ProviderFailure:
    """The failure for an address that cannot be called."""
    return unreachable("the provider's address cannot be used", retry=False)


def bad_key() -> ProviderFailure:
    """The failure for a key that cannot even be put into a header."""
    return ProviderFailure(
        FailureKind.CREDENTIALS, "the provider's key is not plain text", billing=_FREE
    )


def unsendable(detail: str) -> ProviderFailure:
    """The failure for a request that cannot be put into words, so nobody was asked."""
    return ProviderFailure(FailureKind.REJECTED, detail, billing=_FREE)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """How long the provider asks us to wait, 0 to MAX_RETRY_AFTER_SECONDS, or None.

    `retry-after-ms` is finer and wins; `retry-after` is seconds or an HTTP date.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return min(milliseconds / 1000, MAX_RETRY_AFTER_SECONDS)
    value = headers.get("retry-after", "")
    seconds = _number(value)
    if seconds is None:
        seconds = _seconds_until(value, now)
    return None if seconds is None else min(seconds, MAX_RETRY_AFTER_SECONDS)


def _asked_to_retry(headers: Mapping[str, str], otherwise: bool) -> bool:
    asked = headers.get("x-should-retry", "").strip().lower()
    return {"true": True, "false": False}.get(asked, otherwise)


def _by_code(error: Any) -> Meaning | None:
    if not isinstance(error, Mapping):
        return None
    words = (error.get("code"), error.get("type"))
    return next((BY_CODE[w] for w in words if isinstance(w, str) and w in BY_CODE), None)


def _by_number(error: Any) -> Meaning | None:
    """Some servers put a status where the code should be."""
    code = error.get("code") if isinstance(error, Mapping) else None
    if isinstance(code, int) and 400 <= code <= 599:
        return _by_status(code, is_api_error=True)
    return None


def _by_status(status: int, *, is_api_error: bool) -> Meaning:
    if status == 404 and not is_api_error:
        return _NO_SUCH_PLACE  # a web server's page, not an API that misses a model
    if status in BY_STATUS:
        return BY_STATUS[status]
    if 300 <= status < 400:
        return _ELSEWHERE
    if 400 <= status < 500:
        return _REFUSED
    return _DOWN if 500 <= status < 600 else _STRANGE


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _error_member(answer: Any) -> Any:
    """What stands under "error"; some servers wrap it in a list or leave the wrapping out."""
    if isinstance(answer, list) and answer:
        answer = answer[0]
    if not isinstance(answer, Mapping):
        return None
    return answer if answer.get("object") == "error" else answer.get("error")


def _number(text: str) -> float | None:
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", text.strip()):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _seconds_until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())

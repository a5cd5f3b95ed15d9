"""Every error the product can answer with, as one tree.

    RouterError
    ├── InvalidRequest        400  a body or field is wrong; `param` names it
    ├── NotAuthenticated      401  no, wrong, revoked or expired key: one text for all
    ├── PermissionDenied      403
    ├── BudgetExceeded        402  a budget does not allow it; carries what would fit
    ├── NoCandidate           422  no model may serve this; carries the reasons
    ├── AlreadyClosed         409  a call was started or closed before
    ├── RateLimited           429  a key asks faster, or more at once, than it may; never money
    ├── KeyInUse              409  this Idempotency-Key's request is still under way
    ├── OutcomeUnknown        409  its request was made, and what it was answered is not known
    ├── KeyReused             422  this Idempotency-Key belongs to another request
    ├── ProviderError
    │   ├── ProviderFailed      502
    │   ├── ProviderOverloaded  503
    │   └── ProviderTimeout     504
    └── Unavailable           503  our own database or writer is away

Each face translates this tree in one place (`api/errors.py`, `web/refusals.py`). A message is ours,
never a provider's: theirs can hold keys, prompts and addresses.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


class RouterError(Exception):
    """Base of all errors with an answer in the documented shape.

    `charged` says what a request cost that was sent and did not end well, once that is booked.
    """

    status = 500
    type = "server_error"
    code = "server_error"
    charged: "Charged | None" = None

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or type(self).code

    @property
    def details(self) -> Mapping[str, Any]:
        """Further members of the error body."""
        return {}

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers that go with the error."""
        return {}


@dataclass(frozen=True, slots=True)
class Charged:
    """What a request without a whole answer cost all the same."""

    decision_id: str
    cost_nanos: int


class InvalidRequest(RouterError):
    status = 400
    type = "invalid_request_error"
    code = "invalid_request_error"


class NotAuthenticated(RouterError):
    status = 401
    type = "authentication_error"
    code = "invalid_api_key"

    def __init__(self) -> None:
        super().__init__("No valid API key was given. Send one as 'Authorization: Bearer <key>'.")

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": "Bearer"}


class PermissionDenied(RouterError):
    status = 403
    type = "permission_error"
    code = "permission_denied"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a budget said no, and what would fit. Amounts in nano-dollars."""

    budget: str  # its name
    level: str  # whose it is: site, workspace, member, user or key; "request", the request's own
    limit_nanos: int
    spent_nanos: int
    reserved_nanos: int
    available_nanos: int
    needed_nanos: int
    resets_at: datetime | None
    affordable_max_tokens: int
    cheapest_model: str | None

    def as_dict(self) -> dict[str, Any]:
        """The members, amounts still in nanos; faces turn them into USD."""
        return asdict(self)


class BudgetExceeded(RouterError):
    status = 402
    type = "budget_error"
    code = "budget_exceeded"

    def __init__(self, message: str, refusal: Refusal) -> None:
        super().__init__(message)
        self.refusal = refusal

    @property
    def headers(self) -> Mapping[str, str]:
        return {"x-should-retry": "false"}


class NoCandidate(RouterError):
    status = 422
    type = "invalid_request_error"
    code = "no_candidate"

    def __init__(self, message: str, reasons: Mapping[str, str]) -> None:
        super().__init__(message)
        self.reasons = dict(reasons)

    @property
    def details(self) -> Mapping[str, Any]:
        return {"reasons": self.reasons}


class AlreadyClosed(RouterError):
    status = 409
    type = "invalid_request_error"
    code = "already_closed"


class KeyInUse(RouterError):
    """Asking again with the same key is right: soon it is answered with what the first one got."""

    status = 409
    type = "idempotency_error"
    code = "idempotency_key_in_use"

    def __init__(self) -> None:
        super().__init__("The first request with this Idempotency-Key is still under way.")

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": "1"}


class OutcomeUnknown(RouterError):
    """Asking again with the same key will never help; `charged` says what was booked."""

    status = 409
    type = "idempotency_error"
    code = "outcome_unknown"

    def __init__(self, message: str, charged: Charged) -> None:
        super().__init__(message)
        self.charged = charged

    @property
    def headers(self) -> Mapping[str, str]:
        return {"x-should-retry": "false"}


class KeyReused(RouterError):
    status = 422
    type = "idempotency_error"
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        message = "This Idempotency-Key was used for another request. Use a new one for each."
        super().__init__(message, param="Idempotency-Key")


class RateLimited(RouterError):
    """Nothing was called; asking again after so many seconds may do. `standing`: more headers."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"

    def __init__(
        self, message: str, *, retry_after_seconds: int, standing: Mapping[str, str]
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.standing = dict(standing)

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self.retry_after_seconds), **self.standing}


class ProviderError(RouterError):
    """No whole answer came from a provider."""

    status = 502
    type = "provider_error"
    code = "provider_failed"


class ProviderFailed(ProviderError):
    pass


class ProviderOverloaded(ProviderError):
    status = 503
    code = "provider_overloaded"

    def __init__(self, message: str, *, retry_after_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self.retry_after_seconds)}


class ProviderTimeout(ProviderError):
    status = 504
    code = "provider_timeout"


class Unavailable(RouterError):
    status = 503
    code = "unavailable"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": "5"}

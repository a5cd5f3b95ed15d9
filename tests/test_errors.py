"""Each error has the status, type and code that the documents promise, and says nothing else."""

import pytest

from router_app import errors
from router_app.errors import (
    AlreadyClosed,
    BudgetExceeded,
    InvalidRequest,
    NoCandidate,
    NotAuthenticated,
    PermissionDenied,
    ProviderError,
    ProviderFailed,
    ProviderOverloaded,
    ProviderTimeout,
    Refusal,
    RouterError,
    Unavailable,
)

REFUSAL = Refusal(
    budget="alice's monthly budget",
    level="user",
    limit_nanos=5_000_000_000,
    spent_nanos=4_999_000_000,
    reserved_nanos=900_000,
    available_nanos=100_000,
    needed_nanos=200_000,
    resets_at=None,
    affordable_max_tokens=42,
    cheapest_model="llama-3.1-8b-instant",
)


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (InvalidRequest("x"), 400, "invalid_request_error", "invalid_request_error"),
        (NotAuthenticated(), 401, "authentication_error", "invalid_api_key"),
        (BudgetExceeded("x", REFUSAL), 402, "budget_error", "budget_exceeded"),
        (PermissionDenied("x"), 403, "permission_error", "permission_denied"),
        (AlreadyClosed("x"), 409, "invalid_request_error", "already_closed"),
        (NoCandidate("x", {}), 422, "invalid_request_error", "no_candidate"),
        (ProviderFailed("x"), 502, "provider_error", "provider_failed"),
        (ProviderOverloaded("x"), 503, "provider_error", "provider_overloaded"),
        (Unavailable("x"), 503, "server_error", "unavailable"),
        (ProviderTimeout("x"), 504, "provider_error", "provider_timeout"),
    ],
)
def test_the_documented_answer(error: RouterError, status: int, kind: str, code: str) -> None:
    assert (error.status, error.type, error.code) == (status, kind, code)
    assert str(error) == error.message


def test_the_tree_in_the_module_is_the_tree_there_is() -> None:
    drawn = errors.__doc__ or ""
    classes = [
        item
        for item in vars(errors).values()
        if isinstance(item, type) and issubclass(item, RouterError)
    ]
    assert [item.__name__ for item in classes if item.__name__ not in drawn] == []
    assert all(issubclass(item, ProviderError) for item in classes if "Provider" in item.__name__)


def test_a_field_and_a_code_can_be_named() -> None:
    error = InvalidRequest("must be at least 1", param="max_tokens", code="too_small")
    assert (error.param, error.code) == ("max_tokens", "too_small")
    assert InvalidRequest.code == "invalid_request_error", "the class is untouched"


def test_all_bad_keys_read_the_same() -> None:
    assert NotAuthenticated().message == NotAuthenticated().message
    assert NotAuthenticated().headers == {"WWW-Authenticate": "Bearer"}


def test_a_refusal_for_money_carries_what_would_fit_and_asks_not_to_retry() -> None:
    error = BudgetExceeded("no", REFUSAL)
    assert error.headers == {"x-should-retry": "false"}
    assert error.refusal.as_dict()["affordable_max_tokens"] == 42
    assert set(error.refusal.as_dict()) == {
        *("budget", "level", "limit_nanos", "spent_nanos", "reserved_nanos"),
        *("available_nanos", "needed_nanos", "resets_at", "affordable_max_tokens"),
        "cheapest_model",
    }


def test_no_candidate_carries_a_copy_of_the_reasons() -> None:
    reasons = {"a": "retired"}
    error = NoCandidate("none", reasons)
    reasons["b"] = "off"
    assert error.details["reasons"] == {"a": "retired"}


def test_overload_says_when_to_come_back() -> None:
    assert ProviderOverloaded("busy", retry_after_seconds=17).headers == {"Retry-After": "17"}
    assert Unavailable("away").headers["Retry-After"].isdigit()

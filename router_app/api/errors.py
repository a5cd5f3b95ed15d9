"""The one table from the error tree to JSON responses, and the errors only HTTP knows.

Every error has the shape `{"error": {"message", "type", "param", "code", ...details}}`. A message
is ours: what a provider said, what a body held and what an exception quotes never gets out.
"""

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse, UnreadablePostError
from ninja.errors import AuthenticationError, HttpError, ValidationError

from router_app.api.amounts import encode, usd
from router_app.api.invalid import from_validation
from router_app.errors import (
    BudgetExceeded,
    InvalidRequest,
    NotAuthenticated,
    ProviderError,
    ProviderOverloaded,
    ProviderTimeout,
    RouterError,
    Unavailable,
)

logger = logging.getLogger(__name__)


class NotFound(RouterError):
    status = 404
    type = "invalid_request_error"
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("There is nothing at this address. The endpoints are listed at /docs.")


class MethodNotAllowed(RouterError):
    """`allowed`: the methods that this address knows."""

    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(f"This address answers {' and '.join(allowed)} only.")
        self._allowed = allowed

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Allow": ", ".join(self._allowed)}


class BodyTooLarge(RouterError):
    status = 413
    type = "invalid_request_error"
    code = "request_too_large"

    def __init__(self) -> None:
        super().__init__("The body is larger than this service reads.")


class UnsupportedMediaType(RouterError):
    status = 415
    type = "invalid_request_error"
    code = "unsupported_media_type"

    def __init__(self) -> None:
        super().__init__("Send the body as JSON with 'Content-Type: application/json'.")


class Unexpected(RouterError):
    """Our own fault. What it was stands in the log, by its kind and place."""

    def __init__(self) -> None:
        super().__init__("Something broke on our side. It was logged.")


def error_response(exception: Exception, request_id: str) -> HttpResponse:
    """The response that `exception` is answered with; one nobody expected is logged."""
    error = translate(exception)
    if isinstance(error, Unexpected) and error is not exception:
        logger.error("request %s failed unexpectedly", request_id, exc_info=exception)
    elif isinstance(error, Unavailable) and error is not exception:
        logger.error("request %s met %s", request_id, type(exception).__name__)
    response = HttpResponse(encode(body_of(error)), content_type="application/json")
    response.status_code = error.status
    for name, value in error.headers.items():
        response[name] = value
    if not isinstance(error, Unexpected):  # a refusal is an answer, and no incident: 503 too
        response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def translate(exception: Exception) -> RouterError:
    """Any exception as one of the tree; what is not known becomes `Unexpected`."""
    match exception:
        case RouterError():
            return exception
        case ValidationError():
            return from_validation(exception.errors)
        case AuthenticationError():
            return NotAuthenticated()
        case HttpError(__cause__=RouterError() as cause):
            return cause  # what reading the body raised; the framework wraps it
        case RequestDataTooBig():
            return BodyTooLarge()
        case Http404():
            return NotFound()
        case SuspiciousOperation() | UnreadablePostError() | HttpError():
            return InvalidRequest("This request could not be read.")
        case OperationalError() | InterfaceError():
            return Unavailable("The database is away. Try again soon.")
    return Unexpected()


def body_of(error: RouterError) -> dict[str, Any]:
    """The body of an error response, amounts in USD."""
    shape = {
        "message": _message(error),
        "type": error.type,
        "param": error.param,
        "code": error.code,
    }
    return {"error": {**shape, **_details(error)}}


def _message(error: RouterError) -> str:
    """A provider's failure gets a fixed sentence, whatever raised it."""
    if isinstance(error, ProviderTimeout):
        return "The model did not answer in time."
    if isinstance(error, ProviderOverloaded):
        return "The models that could answer are overloaded. Try again in a moment."
    if isinstance(error, ProviderError):
        return "The provider of the model could not give a whole answer."
    return error.message


def _details(error: RouterError) -> dict[str, Any]:
    if isinstance(error, BudgetExceeded):
        return _refusal(error)
    if error.charged is None:
        return dict(error.details)
    return {"id": error.charged.decision_id, "actual_cost": usd(error.charged.cost_nanos)}


def _refusal(error: BudgetExceeded) -> dict[str, Any]:
    refusal = error.refusal
    return {
        "budget": refusal.budget,
        "level": refusal.level,
        "limit": usd(refusal.limit_nanos),
        "spent": usd(refusal.spent_nanos),
        "reserved": usd(refusal.reserved_nanos),
        "available": usd(refusal.available_nanos),
        "needed": usd(refusal.needed_nanos),
        "resets_at": refusal.resets_at,
        "affordable_max_tokens": refusal.affordable_max_tokens,
        "cheapest_model": refusal.cheapest_model,
    }

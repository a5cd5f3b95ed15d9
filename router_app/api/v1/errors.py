"""What `/v1` answers otherwise than the rest: statuses and names that OpenAI's clients know."""

from collections.abc import Mapping, Sequence
from typing import Any

from router_app.api.errors import translate
from router_app.api.invalid import from_validation
from router_app.api.v1.unsupported import UNSUPPORTED
from router_app.errors import InvalidRequest, RouterError


class ModelNotFound(RouterError):
    """A 404, which OpenAI's clients tell apart from a request that is wrong."""

    status = 404
    type = "invalid_request_error"
    code = "model_not_found"

    def __init__(self, message: str) -> None:
        super().__init__(message, param="model")


def as_v1(exception: Exception) -> RouterError:
    """Any exception as the error that is answered here."""
    error = translate(exception)
    if error.code == ModelNotFound.code and not isinstance(error, ModelNotFound):
        return ModelNotFound(error.message)
    if error.param == "prompt":  # as `/route` calls it
        error.param = "messages"
    return error


def invalid_body(errors: Sequence[Mapping[str, Any]]) -> InvalidRequest:
    """The first of pydantic's errors; labels of unions are no part of a field's name."""
    first = errors[0]
    path = (part for part in first["loc"] if not str(part).startswith("<"))
    error = from_validation([{**first, "loc": ("body", "body", *path)}])
    if first["type"] == UNSUPPORTED:
        error.code = UNSUPPORTED
    return error

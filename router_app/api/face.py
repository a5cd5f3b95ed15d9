"""How every request to the JSON face is read, and how every answer to it is written.

The framework matches paths, asks who it is, validates by the pydantic models and makes the schema
of them. Bodies are read by `bodies.py`; whatever goes wrong comes out in `in_json`, one place, and
is answered by `errors.py`.
"""

import re
from collections.abc import Callable, Coroutine, Mapping
from functools import wraps
from typing import Any, NoReturn

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from budgetrouter.logging import bind_request_id, request_id
from router_app.api.auth import ApiKey, Session
from router_app.api.bodies import StrictParser
from router_app.api.counted import until_answered
from router_app.api.errors import MethodNotAllowed, error_response
from router_app.api.replies import Reply
from router_app.gateway.keys import Principal

AsyncView = Callable[..., Coroutine[Any, Any, HttpResponse]]

face = NinjaAPI(
    title="Budget Router",
    version="1",
    description="Routes a prompt to the best model that the budgets allow, and says why and for "
    "how much. Amounts are US dollars, exact to the nano-dollar.",
    auth=[ApiKey(), Session()],
    parser=StrictParser(),
    urls_namespace="api",
    openapi_extra={"tags": [{"name": name} for name in ("Routing", "Usage", "Service")]},
    openapi_url=None,  # `docs.py` serves both
    docs_url=None,
)


def _leave_it(request: HttpRequest, exception: Exception | type[Exception]) -> NoReturn:
    raise exception


# The framework would answer these in a shape of its own.
for kind in (Exception, Http404, HttpError, ValidationError):
    face.add_exception_handler(kind, _leave_it)


def caller_of(request: HttpRequest) -> Principal:
    """Who is asking; only inside an endpoint that asks for it."""
    caller: Principal = request.auth  # type: ignore[attr-defined]
    return caller


def reply_response(reply: Reply, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """A 200 with the reply."""
    return HttpResponse(reply.json_text(), content_type="application/json", headers=headers)


def json_error(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The response that `exception` is answered with."""
    request_id = request_id_of(request)
    response = error_response(exception, request_id)
    response["x-request-id"] = request_id
    return response


def in_json(view: AsyncView) -> AsyncView:
    """The view with every failure as JSON, HEAD where there is GET, and `x-request-id`."""

    @wraps(view)
    async def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        method = request.method
        try:
            request.method = "GET" if method == "HEAD" else method
            response = _checked(await view(request, *args, **kwargs))
        except Exception as exception:
            return json_error(request, exception)
        finally:
            request.method = method
        response["x-request-id"] = request_id_of(request)
        return response

    answered.csrf_exempt = True  # type: ignore[attr-defined]  # `auth.Session` enforces it
    return answered


def request_id_of(request: HttpRequest) -> str:
    """The id that the request's log lines carry: its own `x-request-id` if that is a UUID."""
    return request_id.get() or bind_request_id(request.headers.get("x-request-id", ""))


def endpoints() -> list[URLPattern]:
    """What has been registered on `face`, for a URL configuration."""
    found = [item for item in face.urls[0] if isinstance(item, URLPattern)]
    for item in found:
        item.callback = until_answered(in_json(item.callback))
    return [item for item in found if item.name != "api-root"]


def _checked(response: HttpResponse) -> HttpResponse:
    """Raises MethodNotAllowed in place of the framework's answer in plain text."""
    if isinstance(response, HttpResponseNotAllowed):
        known = set(re.findall(r"[A-Z]+", response["Allow"]))
        raise MethodNotAllowed(sorted(known | ({"HEAD"} if "GET" in known else set())))
    return response

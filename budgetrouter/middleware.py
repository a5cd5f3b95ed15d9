"""Every request to Django: an id for its log lines, a header that names it, and its time counted.

`/v1` is served in front of Django and does the same with `bind_request_id` and `note_answered`.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from budgetrouter.logging import bind_request_id
from router_app.analytics import metrics

logger = logging.getLogger("requests")

OPERATORS = "/admin/"  # its hundred patterns count as one


@sync_and_async_middleware
def request_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """The outermost middleware, so that whatever the others log is named too."""
    if iscoroutinefunction(get_response):
        return _asynchronous(get_response)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        begun, request_id = time.perf_counter(), _bind(request)
        return _ended(request, get_response(request), request_id, begun)

    return middleware


def _asynchronous(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]],
) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    async def middleware(request: HttpRequest) -> HttpResponseBase:
        begun, request_id = time.perf_counter(), _bind(request)
        return _ended(request, await get_response(request), request_id, begun)

    return middleware


def _bind(request: HttpRequest) -> str:
    return bind_request_id(request.headers.get("x-request-id", ""))


def _ended(
    request: HttpRequest, response: HttpResponseBase, request_id: str, begun: float
) -> HttpResponseBase:
    seconds = time.perf_counter() - begun
    response.headers["x-request-id"] = request_id
    note_answered(request.method or "", route_of(request), response.status_code, seconds)
    return response


def note_answered(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answered request, and log it if that is wanted. `route` is the URL's pattern."""
    metrics.http_request_ended(method, route, status, seconds)
    if logger.isEnabledFor(logging.DEBUG):
        milliseconds = round(seconds * 1000, 1)
        facts = {"method": method, "route": route, "status": status, "milliseconds": milliseconds}
        logger.debug("request answered", extra={"facts": facts})


def route_of(request: HttpRequest) -> str:
    """The URL pattern that matched; empty where none did, and for static files."""
    match = request.resolver_match
    route = "/" + match.route if match else ""
    return OPERATORS if route.startswith(OPERATORS) else route

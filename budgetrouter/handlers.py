"""What no view answered: JSON for programs, a page for people.

The two faces never import each other, so the choice between them is made here.
"""

import sys

from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults

from router_app import errors
from router_app.api.errors import Unexpected
from router_app.api.face import json_error

# First segments of addresses that only programs ask for; /v1 is where they look for an API.
PROGRAM_SEGMENTS = frozenset({"route", "stats", "health", "ready", "metrics", "openapi.json", "v1"})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: what came cannot be read."""
    if is_for_programs(request):
        return json_error(request, SuspiciousOperation())
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    if is_for_programs(request):
        return json_error(request, errors.PermissionDenied("This is not allowed."))
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    if is_for_programs(request):
        return json_error(request, Http404())
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 where it is the database that is away: Django has logged it."""
    error = sys.exc_info()[1]
    if isinstance(error, (OperationalError, InterfaceError)):
        return _database_is_away(request, error)
    if is_for_programs(request):
        return json_error(request, Unexpected())
    return defaults.server_error(request)


def _database_is_away(request: HttpRequest, error: Exception) -> HttpResponse:
    if is_for_programs(request):
        return json_error(request, error)
    page = defaults.server_error(request, template_name="503.html")
    return HttpResponse(page.content, status=503, headers={"Retry-After": "5"})


def is_for_programs(request: HttpRequest) -> bool:
    """Whether whoever asks expects JSON: by the address, a key, a JSON body, or Accept."""
    if request.path_info.lstrip("/").partition("/")[0] in PROGRAM_SEGMENTS:
        return True
    brings_json = request.content_type == "application/json"
    if brings_json or "Authorization" in request.headers:
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"

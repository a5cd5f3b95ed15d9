"""Who is asking: the owner of a key, or the person signed in to the pages, with CSRF enforced.

An `Authorization` header settles it, right or wrong: a request that brings one never falls back to
the session, and never touches it.
"""

from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.middleware.csrf import CsrfViewMiddleware

from router_app.api.counted import enter
from router_app.errors import NotAuthenticated, PermissionDenied
from router_app.gateway import keys
from router_app.gateway.keys import Principal
from router_app.workspaces.chosen import chosen_place

SAFE_METHODS = frozenset({"GET", "HEAD"})


class ApiKey:
    """`Authorization: Bearer <key>`. `counted`: each request counts against the key's limits."""

    openapi_security_schema = {"type": "http", "scheme": "bearer"}

    def __init__(self, *, counted: bool = False) -> None:
        self._is_counted = counted

    async def __call__(self, request: HttpRequest) -> Principal | None:
        """The key's owner; None without the header.

        Raises NotAuthenticated, the same for all, or RateLimited where the request would count.
        """
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, key = header.partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthenticated
        caller = await keys.authenticate(key.strip())
        if self._is_counted:
            await enter(request, caller)
        return caller


class Session:
    """The cookie of the pages, with the CSRF token in `X-CSRFToken` where something is changed.
    Who asks so is in the workspace of the pages' switcher."""

    csrf = True  # the docs page sends the token along
    openapi_security_schema = {
        "type": "apiKey",
        "in": "cookie",
        "name": settings.SESSION_COOKIE_NAME,
    }

    async def __call__(self, request: HttpRequest) -> Principal:
        """The person signed in. Raises NotAuthenticated, or PermissionDenied without a token."""
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            raise NotAuthenticated  # without looking: the session's store is a database
        user = await request.auser()
        if not user.is_authenticated:
            raise NotAuthenticated
        if request.method not in SAFE_METHODS and not _has_csrf_token(request):
            message = "The CSRF token is missing or wrong. Send it as 'X-CSRFToken', or use a key."
            raise PermissionDenied(message)
        place = await sync_to_async(chosen_place)(request.session, user)
        workspace_id = place.workspace_id if place else None
        return Principal(user.pk, user.get_username(), workspace_id=workspace_id)


class _CsrfCheck(CsrfViewMiddleware):
    """Django's own check, without its page for a failure."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return HttpResponseForbidden()


def _has_csrf_token(request: HttpRequest) -> bool:
    def view(request: HttpRequest) -> Any: ...

    check = _CsrfCheck(lambda request: HttpResponse())
    request.csrf_processing_done = False  # type: ignore[attr-defined]
    check.process_request(request)
    return check.process_view(request, view, (), {}) is None

"""Who may open a page: for views that htmx asks too, and for async ones."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url

AsyncView = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def person_required(view: AsyncView) -> AsyncView:
    """Let signed-in people in; send others to sign in, the whole page also where htmx asked."""

    @wraps(view)
    async def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # The time zone middleware has read a session's user; without a session none is looked up.
        if request.user.is_authenticated:
            return await view(request, *args, **kwargs)
        return to_sign_in(request)

    return guarded


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """On to the sign-in page and afterwards back here."""
    if not request.headers.get("HX-Request"):
        return HttpResponseRedirect(_sign_in(request.get_full_path()))
    # htmx would follow a redirect and put the sign-in page into the middle of this one.
    return HttpResponse(headers={"HX-Redirect": _sign_in("/")})


def _sign_in(then: str) -> str:
    return f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': then})}"

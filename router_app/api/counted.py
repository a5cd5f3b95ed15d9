"""Requests that count against the limits of their key: let in with it, and out with the answer."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from router_app.gateway.keys import Principal
from router_app.gateway.rates import FREELY, Entered, rates

AsyncView = Callable[..., Coroutine[Any, Any, HttpResponse]]


async def enter(request: HttpRequest, caller: Principal) -> None:
    """Count the request. Raises RateLimited where its key asks too often or too much at once."""
    request.entered = await rates.enter(caller)  # type: ignore[attr-defined]


def until_answered(view: AsyncView) -> AsyncView:
    """The view; where it let somebody in, its answer says how the key stands."""

    @wraps(view)
    async def counted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = await view(request, *args, **kwargs)
        finally:
            entered: Entered = getattr(request, "entered", FREELY)
            await entered.leave()
        for name, value in entered.headers.items():
            response[name] = value
        return response

    return counted

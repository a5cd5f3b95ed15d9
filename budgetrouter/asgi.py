"""ASGI callable: `/v1` in front of Django, with the engine's life bound to the server's."""

import asyncio
import gc
import os
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application

from budgetrouter.serving.web_server import UNWATCHED_RUNS_SECONDS

SWITCH_SECONDS = 0.0005  # between threads that want the interpreter

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

# Static files are read by whitenoise in blocks; Django says so once, and there is nothing to mend.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators")

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "budgetrouter.settings")
django_application = get_asgi_application()

# After Django's set-up: these read settings and tables.
from budgetrouter.body_limit import BodyLimit  # noqa: E402
from budgetrouter.logging import bind_request_id  # noqa: E402
from budgetrouter.middleware import note_answered  # noqa: E402
from router_app.api.v1.addresses import is_v1  # noqa: E402
from router_app.api.v1.application import Exchange  # noqa: E402
from router_app.gateway import engine, recording  # noqa: E402

limited_application = BodyLimit(django_application, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Serve a request, or the server's start and end."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "http" and is_v1(scope["path"]):
        await _v1(scope, receive, send)
    else:
        await limited_application(scope, receive, send)


async def _v1(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Serve a request to `/v1`, named and counted as Django's middleware does for the others."""
    begun = time.perf_counter()
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    request_id = bind_request_id(given.decode("latin-1"))
    exchange = Exchange(scope, receive, send, request_id)
    try:
        await exchange.run()
    finally:
        seconds = time.perf_counter() - begun
        note_answered(scope["method"], exchange.route, exchange.status, seconds)


async def _live(receive: Receive, send: Send) -> None:
    """Start the engine with the server; let it book what is open before the server ends."""
    await receive()
    engine.startup(asyncio.get_running_loop())
    # What the start made stays for good: no collection needs to walk through it and stop all.
    gc.collect()
    gc.freeze()
    # The writer gives the interpreter away at every statement. By default whoever took it keeps it
    # for 5 ms, and a batch of fifteen statements waits for that fifteen times.
    sys.setswitchinterval(SWITCH_SECONDS)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await engine.shutdown(UNWATCHED_RUNS_SECONDS)
    await recording.finish()
    await send({"type": "lifespan.shutdown.complete"})

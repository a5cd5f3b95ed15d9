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

SWITCH_SECONDS = 0.001  # between threads that want the interpreter
COLLECT_AFTER_OBJECTS = 20_000

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
    headers = dict(scope["headers"])
    request_id = bind_request_id(headers.get(b"x-request-id", b"").decode("latin-1"))
    exchange = Exchange(scope, headers, receive, send, request_id)
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
    # And a request leaves no cycles behind: with 64 of them in flight the usual 700 new objects are
    # soon there, and looking through them again and again took a seventh of all time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)
    # The writer gives the interpreter away at every statement. By default whoever took it keeps it
    # for 5 ms, and a batch of fifteen statements waits for that fifteen times.
    sys.setswitchinterval(SWITCH_SECONDS)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await engine.shutdown(UNWATCHED_RUNS_SECONDS)
    await recording.finish()
    await send({"type": "lifespan.shutdown.complete"})

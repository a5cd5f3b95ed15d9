"""gunicorn's ASGI worker, with an end that breaks off nothing that can still be finished.

From the first moment of SIGTERM `/ready` says so. The worker goes on listening: a request that it
does not take any more is answered with a 503 that says when to come back, not with a refused
connection, and the page of an answer under way still gets its stream. It stops listening when
nothing is under way any more, or time is up.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from gunicorn.workers import gasgi  # type: ignore[import-untyped]

from budgetrouter.serving import connection, web_server
from budgetrouter.serving.lingering import Lingering
from budgetrouter.serving.slow_clients import DropsSlowClients

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

LOOK_SECONDS = 0.1  # how often a worker that ends looks whether it may
KILL_SECONDS = 1  # so long before gunicorn's parent would kill it, a worker waits for nothing more


class Connection(DropsSlowClients, connection.Connection):
    """A client's connection."""


gasgi.ASGIProtocol = Connection  # there is no setting for it


class Worker(gasgi.ASGIWorker):
    """The worker that `gunicorn_conf.py` names.

    Browsers open connections in advance and keep them. gunicorn's worker counts them all and lets
    each delay its end by the whole grace; here only those with a request under way count.
    """

    asgi: Application
    _under_way = 0
    _told_at: float | None = None  # by the loop's clock, when SIGTERM came

    @property
    def nr_conns(self) -> int:
        """How many connections the end of this worker waits for."""
        return self._under_way

    @nr_conns.setter
    def nr_conns(self, _connections: int) -> None:
        """gunicorn's own count is not used."""

    def load_wsgi(self) -> None:
        """Load the application and count its requests."""
        super().load_wsgi()
        self.asgi = Lingering(self._counted(self.asgi))

    def handle_exit_signal(self) -> None:
        """SIGTERM: say so at once; `_shutdown` follows within a second."""
        from router_app.gateway import engine  # reads tables: only once Django is set up

        self._told_at = self._told_at or self.loop.time()
        engine.leave(settings.SHUTDOWN_DELAY_SECONDS)
        super().handle_exit_signal()

    async def _shutdown(self) -> None:
        """Finish what is under way while listening, then gunicorn's own end, then last words."""
        begun = self.loop.time() if self._told_at is None else self._told_at
        await self._finish(begun)
        self.cfg.set("graceful_timeout", 0)  # it has been waited for
        await super()._shutdown()
        await self._last_words(begun + web_server.grace_seconds() - KILL_SECONDS)

    async def _finish(self, begun: float) -> None:
        from router_app.gateway import engine

        unwatched_until = begun + web_server.UNWATCHED_RUNS_SECONDS
        deadline = begun + settings.SHUTDOWN_DELAY_SECONDS + web_server.finishing_seconds()
        while not self._quick_shutdown and (now := self.loop.time()) < deadline:
            unwatched = engine.under_way() if now < unwatched_until else 0
            if engine.is_closing() and not self._under_way and not unwatched:
                return
            self.notify()
            await asyncio.sleep(LOOK_SECONDS)

    async def _last_words(self, deadline: float) -> None:
        """Let streams whose answer the end has just ended say so, before gunicorn cancels them."""
        while not self._quick_shutdown and self.loop.time() < deadline:
            self.notify()
            still_speaking = self._under_way
            await asyncio.sleep(LOOK_SECONDS)  # once more than needed: what was said is sent
            if not still_speaking:
                return

    def _counted(self, application: Application) -> Application:
        async def counted(scope: dict[str, Any], receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                await application(scope, receive, send)
                return
            self._under_way += 1
            try:
                await application(scope, receive, send)
            finally:
                self._under_way -= 1

        return counted

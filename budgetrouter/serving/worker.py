"""gunicorn's ASGI worker, which when it stops waits for requests and not for idle connections."""

from collections.abc import Awaitable, Callable
from typing import Any

from gunicorn.workers.gasgi import ASGIWorker  # type: ignore[import-untyped]

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class Worker(ASGIWorker):
    """The worker that `gunicorn_conf.py` names.

    Browsers open connections in advance and keep them. gunicorn's worker counts them all and lets
    each delay its end by the whole grace; here only those with a request under way count.
    """

    asgi: Application
    _under_way = 0

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
        self.asgi = self._counted(self.asgi)

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

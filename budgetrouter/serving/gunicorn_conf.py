"""How gunicorn serves the product: `gunicorn -c python:budgetrouter.serving.gunicorn_conf`."""

import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "budgetrouter.settings")

from django.conf import settings

from budgetrouter.logging import catch_strays
from budgetrouter.serving.lifeline import end_with_supervisor
from budgetrouter.serving.web_server import bind_address, grace_seconds
from router_app.analytics.metrics import sharing

wsgi_app = "budgetrouter.asgi:application"
bind = bind_address(settings.BIND_HOST, settings.PORT)
workers = settings.WEB_CONCURRENCY
worker_class = "budgetrouter.serving.worker.Worker"
asgi_loop = "uvloop"
asgi_lifespan = "on"
backlog = 2048
worker_connections = 2000
# Longer than a page's pause between two requests, shorter than a proxy's patience.
keepalive = 20
# A worker that does not report for this long is killed. Its loop reports every second, so only a
# loop that is truly stuck comes near.
timeout = 60
graceful_timeout = grace_seconds()

# No access log: a query string may hold what somebody searched for. gunicorn's own warnings look
# like the product's, and like them quote no values that an exception held.
accesslog = None
logger_class = "budgetrouter.serving.gunicorn_logger.QuietLogger"
loglevel = "warning"
logconfig_dict = {
    "formatters": settings.LOGGING["formatters"],
    "handlers": settings.LOGGING["handlers"],
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"gunicorn.error": {"level": "WARNING", "handlers": ["stderr"], "propagate": False}},
}
control_socket_disable = True


# Where workers keep their numbers for one another; made anew at each start, for several only.
_numbers: Path | None = None


def on_starting(server: Any) -> None:
    """Bind gunicorn's life to the supervisor's, where one started it."""
    global _numbers
    end_with_supervisor(signal.SIGTERM)
    if workers > 1:
        _numbers = Path(tempfile.mkdtemp(prefix="budgetrouter-metrics-"))


def post_fork(server: Any, worker: Any) -> None:
    """In the worker, before the product is loaded."""
    catch_strays()


def post_worker_init(worker: Any) -> None:
    """In the worker, once the product is loaded."""
    if _numbers is not None:
        from router_app.gateway import watching

        sharing.start(_numbers, watching.gauges)


def worker_exit(server: Any, worker: Any) -> None:
    """In the worker, at its end: leave the last numbers behind."""
    sharing.stop()


def child_exit(server: Any, worker: Any) -> None:
    """In the parent, however a worker ended."""
    if _numbers is not None:
        sharing.worker_ended(_numbers, worker.pid)


def on_exit(server: Any) -> None:
    """In the parent, at the end of all."""
    if _numbers is not None:
        shutil.rmtree(_numbers, ignore_errors=True)

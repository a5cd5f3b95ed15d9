"""`GET /metrics`: the numbers for Prometheus. Not open to strangers.

With `METRICS_TOKEN` set a scraper sends it as `Authorization: Bearer`. An administrator who is
signed in may look too, with or without one.
"""

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from router_app.analytics.metrics import sharing
from router_app.analytics.metrics.families import MODEL, Gauge
from router_app.analytics.metrics.sharing import Gauges
from router_app.errors import NotAuthenticated, PermissionDenied, RouterError
from router_app.gateway import watching
from router_app.gateway.watching import Stored

NANO = 1e-9


class NoMetricsToken(NotAuthenticated):
    def __init__(self) -> None:
        message = "Metrics need the scraper's token, sent as 'Authorization: Bearer <token>'."
        RouterError.__init__(self, message)


@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    """Everything counted so far, by all processes of this server."""
    await _check_access(request)
    from router_app.analytics.metrics import exposition  # imports what nobody else needs

    stored = await watching.database.seen()
    numbers = sharing.numbers(watching.gauges)
    body, content_type = exposition.text(
        numbers.counted,
        [*_of_processes(numbers.gauges), *_of_database(stored)],
        accept=request.headers.get("Accept", ""),
        with_process=not sharing.is_shared(),
    )
    return HttpResponse(body, content_type=content_type, headers={"Cache-Control": "no-store"})


async def _check_access(request: HttpRequest) -> None:
    """Raises NoMetricsToken or PermissionDenied. As everywhere, a header settles it alone."""
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not _is_token(token.strip()):
            raise NoMetricsToken
        return
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        raise NoMetricsToken  # without looking: the session's store is a database
    user = await request.auser()
    if not user.is_authenticated:
        raise NoMetricsToken
    if not user.is_staff:
        raise PermissionDenied("Metrics are for administrators.")


def _is_token(given: str) -> bool:
    wanted: str = settings.METRICS_TOKEN
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())


def _of_processes(gauges: Gauges) -> list[Gauge]:
    waiting = gauges.get(watching.WAITING, 0.0)
    return [Gauge(watching.WAITING, "Operations in line to be written, now.", {"": waiting})]


def _of_database(stored: Stored | None) -> list[Gauge]:
    """The same from every server of an installation: take their maximum, not their sum."""
    up = Gauge("budget_router_database_up", "1: the database answers.", {"": float(bool(stored))})
    if stored is None:
        return [up]
    single = {
        "reserved_usd": ("Held in USD for calls under way.", stored.holds.reserved_nanos * NANO),
        "request_log_pending_lines": ("Lines that wait to be written.", stored.lag.pending),
        "request_log_oldest_pending_seconds": (
            "How long the first line has waited.",
            stored.lag.oldest_seconds,
        ),
        "models_without_price": (
            "Models that could be routed to if they had a price.",
            stored.models_without_price,
        ),
    }
    return [
        up,
        *(Gauge(f"budget_router_{name}", text, {"": n}) for name, (text, n) in single.items()),
        Gauge(
            "budget_router_reservations", "Open reservations.", stored.holds.by_state, label="state"
        ),
        Gauge(
            "budget_router_model_cooled",
            "1: left alone after failures, as far as the process that answers knows.",
            stored.models_cooled,
            label=MODEL,
        ),
    ]

"""`GET /ready`: whether requests should be sent here. Public, counts only.

What another server would do no better does not make this one unready: lines that wait for the
request log, and models without a price, are warnings.
"""

import asyncio
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from pydantic import Field

from router_app.api.face import face, reply_response
from router_app.api.replies import Reply
from router_app.gateway import engine, watching
from router_app.gateway.watching import Stored
from router_app.gateway.writer import writer

LATE_SECONDS = 60  # a line of the request log is usually there within one

State = Literal["ok", "warning", "failed", "unknown"]


class CheckReply(Reply):
    """One thing that was looked at."""

    status: State


class WriterReply(CheckReply):
    """The line through which everything is booked."""

    waiting: Annotated[int, Field(description="operations in line")]


class RequestLogReply(CheckReply):
    """How far the request log is behind the database."""

    pending: Annotated[int | None, Field(description="lines that wait to be written")]
    oldest_seconds: Annotated[int | None, Field(description="for how long the first has waited")]


class PricesReply(CheckReply):
    """Models that cannot be routed to for want of a price."""

    models_without_price: int | None


class ChecksReply(Reply):
    """`ok`, `warning`, `failed`, or `unknown` where the database could not be asked."""

    database: CheckReply
    writer: WriterReply
    request_log: RequestLogReply
    prices: PricesReply
    shutting_down: bool


class ReadyReply(Reply):
    """Whether this server takes requests, and why not."""

    status: Literal["ready", "not_ready"]
    checks: ChecksReply


@face.get(
    "/ready",
    auth=None,
    response={200: ReadyReply, 503: ReadyReply},
    operation_id="ready",
    summary="Readiness check",
    tags=["Service"],
)
async def ready(request: HttpRequest) -> HttpResponse:
    """200 while requests should be sent here, else 503; the body says why. Without a key."""
    checks = await _checks()
    is_ready = "failed" not in (checks.database.status, checks.writer.status)
    is_ready = is_ready and not checks.shutting_down
    response = reply_response(
        ReadyReply(status="ready" if is_ready else "not_ready", checks=checks),
        {"Cache-Control": "no-store"},
    )
    if not is_ready:
        response.status_code = 503
        response._has_been_logged = True  # type: ignore[attr-defined]  # else: at every probe
    return response


async def _checks() -> ChecksReply:
    stored, written = await asyncio.gather(watching.database.seen(), watching.writing.seen())
    return ChecksReply(
        database=CheckReply(status="ok" if stored else "failed"),
        writer=WriterReply(status="ok" if written else "failed", waiting=writer.waiting),
        request_log=_request_log(stored),
        prices=_prices(stored),
        shutting_down=engine.is_leaving(),
    )


def _request_log(stored: Stored | None) -> RequestLogReply:
    if stored is None:
        return RequestLogReply(status="unknown", pending=None, oldest_seconds=None)
    late = stored.lag.oldest_seconds > LATE_SECONDS
    return RequestLogReply(
        status="warning" if late else "ok",
        pending=stored.lag.pending,
        oldest_seconds=int(stored.lag.oldest_seconds),
    )


def _prices(stored: Stored | None) -> PricesReply:
    if stored is None:
        return PricesReply(status="unknown", models_without_price=None)
    missing = stored.models_without_price
    return PricesReply(status="warning" if missing else "ok", models_without_price=missing)

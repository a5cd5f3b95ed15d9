"""`GET /health`: whether the process answers. Public, and asks nothing of the database."""

from django.http import HttpRequest, HttpResponse

from router_app.api.face import face, reply_response
from router_app.api.replies import HealthReply

_OK = HealthReply(status="ok")


@face.get(
    "/health",
    auth=None,
    response={200: HealthReply},
    operation_id="health",
    summary="Health check",
    tags=["Service"],
)
async def health(request: HttpRequest) -> HttpResponse:
    """`{"status": "ok"}`, without a key."""
    return reply_response(_OK)

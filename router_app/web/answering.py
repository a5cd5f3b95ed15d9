"""One answer while it is being written: follow it, stop it; and the header's gauge."""

import asyncio
import uuid
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from router_app.errors import RouterError
from router_app.gateway import service
from router_app.models import Conversation
from router_app.web import replies, streams
from router_app.web.access import person_required
from router_app.web.chat import own_answer, readable_answer
from router_app.web.signed_in import SignedIn

STOPPING_SECONDS = 5.0  # how long a page without script waits for a stopped answer to be booked


@require_safe
@person_required
async def stream(request: SignedIn, pk: uuid.UUID) -> HttpResponseBase:
    """The answer's events, from the number of characters that the page has. Starts nothing."""
    answer = await sync_to_async(readable_answer)(request, pk)

    async def finished() -> str:
        return await sync_to_async(_finished)(request, answer.conversation, pk)

    frames = streams.frames(answer, streams.offset_of(request), finished)
    return streams.stream_response(frames)


@require_POST
@person_required
async def stop(request: SignedIn, pk: uuid.UUID) -> HttpResponseBase:
    """End the answer here; what was written is kept and charged."""
    answer = await sync_to_async(own_answer)(request, pk)
    if answer.decision_id:
        run = service.find_run(answer.decision_id)
        await service.stop(answer.decision_id, user_id=request.user.pk)
        if run is not None and not request.headers.get("HX-Request"):
            await _booked(run.finished())
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204)  # the stream brings the end
    return redirect("chat_conversation", pk=answer.conversation_id)


@login_required
@require_safe
def gauge(request: SignedIn) -> HttpResponse:
    """The header's gauge as it stands now."""
    return render(request, "shell/header_gauge.html")


async def _booked(finished: object) -> None:
    try:
        await asyncio.wait_for(finished, STOPPING_SECONDS)  # type: ignore[arg-type]
    except (RouterError, TimeoutError):
        return


def _finished(request: SignedIn, conversation: Conversation, pk: uuid.UUID) -> str:
    # The stream outlives the middleware that set the person's zone.
    with timezone.override(ZoneInfo(request.user.time_zone)):
        return replies.finished(request, conversation, pk)

"""A conversation as a file: Markdown to read, JSON to work with."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch
from django.http import HttpResponse
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from router_app.models import Call, Conversation, Message
from router_app.money import plain_usd
from router_app.web.conversations import readable
from router_app.web.signed_in import SignedIn
from router_app.web.turns import total_nanos

TYPES = {"md": "text/markdown; charset=utf-8", "json": "application/json"}


@login_required
@require_safe
def export(request: SignedIn, pk: uuid.UUID, format: str) -> HttpResponse:  # noqa: A002
    """The whole conversation as `md` or `json`, to be saved by whoever may read it."""
    conversation = readable(request, pk)
    text = as_markdown(conversation) if format == "md" else as_json(conversation)
    name = slugify(conversation.title)[:60] or "conversation"
    headers = {"Content-Disposition": f'attachment; filename="{name}.{format}"'}
    return HttpResponse(text, content_type=TYPES[format], headers=headers)


def as_json(conversation: Conversation) -> str:
    """Every message with its state, model, tokens and cost; amounts as decimal strings in USD."""
    members = {
        "id": str(conversation.pk),
        "title": conversation.title,
        "created_at": conversation.created_at.isoformat(),
        "total_cost_usd": plain_usd(total_nanos(conversation)),
        "messages": [_members(message) for message in _messages(conversation)],
    }
    return json.dumps(members, indent=2, ensure_ascii=False)


def as_markdown(conversation: Conversation) -> str:
    """Title, then each turn under a heading that says who spoke, and what an answer cost."""
    total = plain_usd(total_nanos(conversation))
    parts = [f"# {conversation}", f"Total cost: ${total}"]
    for message in _messages(conversation):
        parts += _paragraphs(message)
    return "\n\n".join(parts) + "\n"


def _messages(conversation: Conversation) -> Iterator[Message]:
    calls = Prefetch("decision__calls", Call.objects.select_related("model").order_by("attempt"))
    return iter(
        conversation.messages.select_related("decision")
        .prefetch_related(calls)
        .order_by("created_at")
    )


def _call(message: Message) -> Call | None:
    return list(message.decision.calls.all())[-1] if message.decision else None


def _members(message: Message) -> dict[str, Any]:
    members: dict[str, Any] = {
        "role": message.role,
        "text": message.text,
        "created_at": message.created_at.isoformat(),
    }
    if message.role == Message.Role.USER:
        return members
    members |= {"state": message.state, "error": message.error}
    call = _call(message)
    if message.decision is None or call is None:
        return members
    return members | {
        "decision": str(message.decision.pk),
        "task_type": message.decision.task_type,
        "quality": message.decision.quality,
        "model": call.model.model_id,
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "cost_usd": plain_usd(message.decision.cost_nanos),
        "routing_reason": message.decision.receipt.get("reason", ""),
    }


def _paragraphs(message: Message) -> list[str]:
    if message.role == Message.Role.USER:
        return ["## You", message.text]
    call = _call(message)
    if message.decision is None or call is None:
        return ["## Not sent", str((message.error or {}).get("message", ""))]
    cost = plain_usd(message.decision.cost_nanos)
    return [f"## {call.model.name}", message.text, f"*{message.state}, ${cost}*"]

"""How tests chat: as the page does with htmx, as a browser without script, and as EventSource."""

import inspect
import json
import re
import time
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from django.urls import reverse

from router_app.models import Conversation, Message, User
from router_app.providers.base import Finished, TextDelta, Usage

CHOICES = {"task": "general", "quality": "medium", "budget": "0.001", "model": ""}
HTMX = {"HX-Request": "true"}
WAIT_SECONDS = 10


def ask(client: Client, prompt: str, *, script: bool = True, **fields: Any) -> Any:
    """Send the composer. Without script the answer is whole when this returns."""
    data = {**CHOICES, "prompt": prompt, **fields}
    return client.post(reverse("chat_send"), data, headers=HTMX if script else {})


def again(client: Client, answer: Message, *, script: bool = True, **fields: Any) -> Any:
    """Press a button that asks for an answer again."""
    return client.post(
        reverse("chat_again", args=[answer.pk]), fields, headers=HTMX if script else {}
    )


def follow(user: User, answer: Message, *, has: int = 0, last_id: str = "") -> list[Any]:
    """Every event of the answer's stream, as (name, data, id)."""
    return async_to_sync(afollow)(user, answer, has=has, last_id=last_id)


async def afollow(
    user: User,
    answer: Message,
    *,
    has: int = 0,
    last_id: str = "",
    on_event: Callable[[str, Any], Any] | None = None,
) -> list[Any]:
    """The same inside a loop; `on_event` is told each event as it comes, and may be async."""
    client = AsyncClient()
    await client.aforce_login(user)
    headers = {"Last-Event-ID": last_id} if last_id else {}
    address = reverse("chat_stream", args=[answer.pk])
    response = await client.get(address, {"from": has}, headers=headers)
    assert response["Content-Type"] == "text/event-stream"
    events = []
    async for chunk in response.streaming_content:
        for event in parse(chunk.decode()):
            events.append(event)
            reaction = on_event(event[0], event[1]) if on_event else None
            if inspect.isawaitable(reaction):
                await reaction
    return events


def parse(text: str) -> list[Any]:
    """The events in some frames: (name, data, id)."""
    found = []
    for frame in filter(None, text.split("\n\n")):
        fields = dict(line.split(": ", 1) for line in frame.split("\n") if ": " in line)
        if "event" in fields:
            found.append((fields["event"], json.loads(fields["data"]), fields.get("id")))
    return found


def text_of(events: list[Any]) -> str:
    """The text that a follower was given."""
    return "".join(data["text"] for name, data, _ in events if name == "delta")


def until(condition: Callable[[], Any]) -> Any:
    """The condition's value once it is true; fails after a while."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
    return value


def page(response: Any) -> str:
    """What a response shows, on one line."""
    return " ".join(response.content.decode().split())


def words(response: Any) -> str:
    """Its text without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page(response)).split())


def last_answer(user: User) -> Message:
    """The newest answer, or refusal, of this person."""
    answers = Message.objects.filter(conversation__user=user, role="assistant")
    return answers.select_related("decision", "conversation").latest("created_at")


def the_conversation(user: User) -> Conversation:
    """The only conversation of this person."""
    return Conversation.objects.get(user=user)


def says(text: str, *, tokens: int = 20, reads: int = 10) -> tuple[TextDelta, Finished]:
    """A script: one delta, and its usage."""
    return TextDelta(text), Finished("stop", Usage(reads, tokens))

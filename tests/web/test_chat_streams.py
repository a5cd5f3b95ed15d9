"""Following an answer: nothing twice, nothing lost, whoever looks and from wherever."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone

from router_app.gateway import service
from router_app.models import Call, Message, Reservation, User
from router_app.providers.base import (
    Billing,
    FailureKind,
    Finished,
    ProviderFailure,
    ReasoningDelta,
    TextDelta,
    Usage,
)
from router_app.providers.scripted import Gate, ScriptedProvider
from router_app.web import streams
from tests.web.chatting import afollow, ask, follow, last_answer, page, says, text_of, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _signed_in(client: Client, alice: User) -> None:
    client.force_login(alice)


@pytest.fixture
def halfway(client: Client, alice: User, provider: ScriptedProvider) -> tuple[Message, Gate]:
    """An answer of which half is written, and the gate before its other half."""
    gate = Gate()
    provider.enqueue(TextDelta("Half 🙂\n"), gate, *says("and half."))
    ask(client, "Hi")
    answer = last_answer(alice)
    until(lambda: Message.objects.get(pk=answer.pk).text)
    return last_answer(alice), gate


def opening(gate: Gate) -> Any:
    """Opens the gate when the first text came."""
    return lambda name, data: gate.open() if name == "delta" else None


def test_the_text_comes_in_pieces_and_then_the_answer(
    alice: User, halfway: tuple[Message, Gate]
) -> None:
    answer, gate = halfway

    events = async_to_sync(afollow)(alice, answer, on_event=opening(gate))

    assert [(name, place) for name, _, place in events] == [
        ("delta", "7"),
        ("delta", "16"),
        ("done", None),
    ]
    assert text_of(events) == "Half 🙂\nand half."
    markup = events[-1][1]["html"]
    assert f'id="m-{answer.pk}"' in markup
    assert "Half 🙂<br>" in markup
    assert "Model selection details" in markup
    for part in ("header-gauge", "conversation-total", "composer-memory"):
        assert f'id="{part}"' in markup
    assert "data-stream" not in markup


def test_a_reload_in_the_middle_shows_what_there_is_and_goes_on(
    client: Client, alice: User, halfway: tuple[Message, Gate]
) -> None:
    answer, gate = halfway

    shown = page(client.get(reverse("chat_conversation", args=[answer.conversation_id])))
    assert f'data-stream="/m/{answer.pk}/stream/?from=7"' in shown
    assert "Half 🙂" in shown
    assert 'aria-busy="true"' in shown

    gate.open()
    events = follow(alice, answer, has=7)
    assert text_of(events) == "and half."


@pytest.mark.parametrize("has", [0, 3, 7, 9, 16])
def test_who_reconnects_gets_the_rest_and_nothing_twice(
    alice: User, halfway: tuple[Message, Gate], has: int
) -> None:
    answer, gate = halfway
    gate.open()
    events = follow(alice, answer, has=0, last_id=str(has) if has else "")
    assert text_of(events) == "Half 🙂\nand half."[has:]
    assert events[-1][0] == "done"


@pytest.mark.parametrize("bad", ["-1", "1e9", "٣", "9" * 40, "x"])
def test_a_position_that_is_none_is_the_beginning(
    alice: User, halfway: tuple[Message, Gate], bad: str
) -> None:
    answer, gate = halfway
    gate.open()

    async def read() -> Any:
        client = AsyncClient()
        await client.aforce_login(alice)
        address = reverse("chat_stream", args=[answer.pk])
        response = await client.get(address, {"from": bad})
        return b"".join([chunk async for chunk in response.streaming_content])

    assert b'"text": "Half' in async_to_sync(read)()


def test_following_starts_nothing_and_two_may_follow(
    alice: User, provider: ScriptedProvider, halfway: tuple[Message, Gate]
) -> None:
    answer, gate = halfway

    async def both() -> list[Any]:
        first = afollow(alice, answer, on_event=opening(gate))
        return await asyncio.gather(first, afollow(alice, answer))

    one, other = async_to_sync(both)()
    assert text_of(one) == text_of(other) == "Half 🙂\nand half."
    follow(alice, answer)
    assert len(provider.calls) == 1
    assert Reservation.objects.count() == 1


def test_who_leaves_does_not_end_the_answer(alice: User, halfway: tuple[Message, Gate]) -> None:
    answer, gate = halfway

    async def look_in() -> None:
        client = AsyncClient()
        await client.aforce_login(alice)
        response = await client.get(reverse("chat_stream", args=[answer.pk]))
        iterator = aiter(response.streaming_content)
        while b"Half" not in await anext(iterator):
            pass
        await iterator.aclose()

    async_to_sync(look_in)()
    gate.open()
    until(lambda: Message.objects.get(pk=answer.pk).state == Message.State.COMPLETE)
    assert Message.objects.get(pk=answer.pk).text == "Half 🙂\nand half."


def test_a_run_in_another_process_is_followed_in_the_database(
    alice: User, halfway: tuple[Message, Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, gate = halfway
    monkeypatch.setattr(service, "find_run", lambda decision_id: None)
    events = async_to_sync(afollow)(alice, answer, on_event=opening(gate))
    assert text_of(events) == "Half 🙂\nand half."
    assert [place for name, _, place in events if name == "delta"] == ["7", "16"]
    assert events[-1][0] == "done"


@pytest.mark.parametrize("run_is_here", [True, False])
def test_who_follows_holds_no_connection(
    alice: User,
    halfway: tuple[Message, Gate],
    monkeypatch: pytest.MonkeyPatch,
    run_is_here: bool,
) -> None:
    answer, gate = halfway
    if not run_is_here:
        monkeypatch.setattr(service, "find_run", lambda decision_id: None)
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.01)
    held: list[bool] = []

    async def story() -> None:
        client = AsyncClient()
        await client.aforce_login(alice)
        response = await client.get(reverse("chat_stream", args=[answer.pk]))
        async for chunk in response.streaming_content:
            if streams.HEARTBEAT in chunk.decode():
                held.append(await sync_to_async(lambda: connection.connection is not None)())
                if not held[-1] or len(held) == 200:  # in the database it is looked now and then
                    gate.open()

    async_to_sync(story)()
    assert not all(held)


def test_an_answer_that_has_ended_is_brought_at_once(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    ask(client, "Hi", script=False)
    events = follow(alice, last_answer(alice), has=6)
    assert [name for name, _, _ in events] == ["done"]


def test_thinking_and_another_model_are_told(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    gate = Gate()
    provider.enqueue(
        ProviderFailure(FailureKind.SERVER, "a fault", billing=Billing.NOT_BILLED, status=500),
        model="llama-3.3-70b-versatile",
    )
    provider.enqueue(
        ReasoningDelta("hm"), TextDelta("Well."), gate, Finished("stop", Usage(5, 5)),
        model="openai/gpt-oss-120b",
    )  # fmt: skip
    ask(client, "Hi")

    events = async_to_sync(afollow)(alice, last_answer(alice), on_event=opening(gate))

    assert [name for name, _, _ in events] == ["switched", "thinking", "delta", "done"]
    assert events[0][1]["model"] == "GPT-OSS 120B"
    assert "failed just now" in events[0][1]["reason"]


def test_hostile_text_travels_as_text(
    client: Client, alice: User, provider: ScriptedProvider
) -> None:
    text = "</script>\n\nevent: done\ndata: {}\r\n\u2028<img src=x onerror=alert(1)>"
    provider.enqueue(*says(text))
    ask(client, "Hi")
    events = follow(alice, last_answer(alice))
    assert text_of(events) == text
    assert "<img" not in events[-1][1]["html"]


def test_a_deleted_answer_ends_the_stream(
    client: Client, alice: User, halfway: tuple[Message, Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, gate = halfway
    monkeypatch.setattr(service, "find_run", lambda decision_id: None)

    async def delete(name: str, data: Any) -> None:
        if name == "delta":
            await sync_to_async(answer.conversation.delete)()

    events = async_to_sync(afollow)(alice, answer, on_event=delete)

    assert events[-1][0] == "gone"
    gate.open()


def test_silence_is_broken_by_a_heartbeat(
    alice: User, halfway: tuple[Message, Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, gate = halfway
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.01)

    async def story() -> str:
        client = AsyncClient()
        await client.aforce_login(alice)
        response = await client.get(reverse("chat_stream", args=[answer.pk]))
        seen = ""
        async for chunk in response.streaming_content:
            seen += chunk.decode()
            if streams.HEARTBEAT in seen:
                gate.open()
        return seen

    seen = async_to_sync(story)()
    assert seen.count(streams.HEARTBEAT) >= 1
    assert "event: done" in seen


def test_a_stream_is_never_kept_or_collected_on_its_way(
    alice: User, halfway: tuple[Message, Gate]
) -> None:
    answer, gate = halfway
    gate.open()

    async def headers() -> Any:
        client = AsyncClient()
        await client.aforce_login(alice)
        response = await client.get(reverse("chat_stream", args=[answer.pk]))
        async for _ in response.streaming_content:
            pass
        return response.headers

    found = async_to_sync(headers)()
    assert found["Cache-Control"] == "no-store"
    assert found["X-Accel-Buffering"] == "no"


def test_a_run_whose_process_died_is_closed_once_its_lease_is_over(
    client: Client, alice: User, halfway: tuple[Message, Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, gate = halfway
    monkeypatch.setattr(service, "find_run", lambda decision_id: None)
    monkeypatch.setattr(streams, "EXPIRE_SECONDS", 0.0)
    address = reverse("chat_conversation", args=[answer.conversation_id])
    assert "data-stream" in page(client.get(address))  # not before
    Reservation.objects.update(lease_ends_at=timezone.now() - timedelta(seconds=1))

    shown = page(client.get(address))

    call = Call.objects.get()
    assert call.cost_nanos == call.reserved_nanos
    assert "Half 🙂" in shown
    assert "The server stopped while this answer was being written." in shown
    assert "the full amount held, was booked" in shown
    assert follow(alice, answer)[-1][0] == "done"
    gate.open()

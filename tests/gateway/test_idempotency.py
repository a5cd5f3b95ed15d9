"""One key, one call: whoever asks again gets what the first one got, and nothing is paid twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from router_app.budgets.limits import set_limit
from router_app.errors import (
    BudgetExceeded,
    KeyInUse,
    KeyReused,
    OutcomeUnknown,
    RouterError,
    Unavailable,
)
from router_app.gateway import idempotency, recording
from router_app.gateway.execution import Run
from router_app.gateway.idempotency import Claim, claiming, find_all, forget_expired
from router_app.gateway.recording import Reply, once
from router_app.gateway.requests import Delta
from router_app.gateway.service import answer_of
from router_app.gateway.writer import writer
from router_app.models import (
    Budget,
    Call,
    IdempotentRequest,
    Reservation,
    RoutingDecision,
    User,
    Window,
)
from router_app.providers.base import (
    Billing,
    FailureKind,
    Finished,
    ProviderFailure,
    TextDelta,
    Usage,
)
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.factories import make_budget, make_user
from tests.gateway.asking import a_request, admit
from tests.gateway.books import assert_clean, assert_nothing_held

pytestmark = pytest.mark.django_db(transaction=True)
JSON = {"Content-Type": "application/json"}
SSE = {"Content-Type": "text/event-stream"}


def claim_of(user: User, key: str = "order-1", fingerprint: str = "f" * 64) -> Claim:
    return Claim(user.pk, key, fingerprint)


async def whole(run: Run) -> Reply:
    """A face that answers with the text, or with an error's status."""
    try:
        status, body = 200, (await answer_of(run)).text.encode()
    except RouterError as error:
        status, body = error.status, error.code.encode()
    return Reply(status, JSON, _pieces(body))


async def streamed(run: Run) -> Reply:
    """A face that passes on what comes, and says at the end that it was all."""

    async def pieces() -> AsyncIterator[bytes]:
        async for event in run.events():
            if isinstance(event, Delta):
                yield f"data: {event.text}\n\n".encode()
        await run.finished()
        yield b"data: [DONE]\n\n"

    return Reply(200, SSE, pieces())


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def said(reply: Reply) -> tuple[int, dict[str, str], bytes, bool]:
    body = b"".join([piece async for piece in reply.pieces])
    return reply.status, dict(reply.headers), body, reply.is_replay


def ask(claim: Claim, user: User, respond: Any = whole, **fields: Any) -> Any:
    async def asking() -> Any:
        return await said(await once(claim, a_request(user, **fields), respond))

    return asyncio.run(asking())


def found(claim: Claim) -> Any:
    """What the key stands for now."""
    return writer.run_sync(lambda: find_all([claim])[0])


def test_asking_again_brings_the_same_answer_and_no_second_call(
    alice: User, provider: ScriptedProvider
) -> None:
    provider.enqueue(TextDelta("first"), Finished("stop", Usage(5, 5)))

    first = ask(claim_of(alice), alice)
    booked = Window.objects.get().spent_nanos
    again = [ask(claim_of(alice), alice) for _ in range(2)]

    assert first == (200, JSON, b"first", False)
    assert again == [(200, JSON, b"first", True)] * 2
    assert len(provider.calls) == 1
    assert Window.objects.get().spent_nanos == booked
    assert_nothing_held()
    assert_clean()


def test_a_stream_is_replayed_byte_by_byte(alice: User, provider: ScriptedProvider) -> None:
    words = [TextDelta(f"word {number} é ") for number in range(500)]
    provider.enqueue(*words, Finished("stop", Usage(5, 500)))

    first = ask(claim_of(alice), alice, streamed)
    again = ask(claim_of(alice), alice, streamed)

    assert first[2].count(b"\n\n") == 501 and first[2].endswith(b"data: [DONE]\n\n")
    assert again == (*first[:3], True)
    assert len(provider.calls) == 1


def test_what_is_said_during_the_call_is_not_kept_back(
    alice: User, provider: ScriptedProvider
) -> None:
    gate = Gate()
    provider.enqueue(TextDelta("early"), gate, Finished("stop", Usage(5, 5)))

    async def story() -> None:
        reply = await once(claim_of(alice), a_request(alice), streamed)
        assert b"early" in await anext(reply.pieces)
        gate.open()
        # The end is told when the answer is recorded, so that asking again at once replays it.
        async for piece in reply.pieces:
            if b"[DONE]" in piece:
                break
        again = await once(claim_of(alice), a_request(alice), streamed)
        assert again.is_replay

    asyncio.run(story())


def test_fifty_at_once_make_one_call(alice: User, provider: ScriptedProvider) -> None:
    outcomes = asyncio.run(_at_once(50, alice, provider))

    busy = [outcome for outcome in outcomes if isinstance(outcome, KeyInUse)]
    assert len(busy) == 49
    assert busy[0].headers == {"Retry-After": "1"}
    assert len(provider.calls) == Reservation.objects.count() == 1
    assert ask(claim_of(alice), alice)[3] is True
    assert_nothing_held()
    assert_clean()


async def _at_once(count: int, user: User, provider: ScriptedProvider) -> list[Any]:
    """What so many got who asked while the call was under way."""
    provider.gate = gate = Gate()
    asked = [
        asyncio.ensure_future(once(claim_of(user), a_request(user), whole)) for _ in range(count)
    ]
    await provider.arrived(1)
    while sum(task.done() for task in asked) < count - 1:
        await asyncio.sleep(0.005)
    gate.open()
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    [reply] = [outcome for outcome in outcomes if isinstance(outcome, Reply)]
    assert (await said(reply))[0] == 200
    return outcomes


def test_requests_that_the_process_did_not_keep_apart_are_kept_apart_by_the_row(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if each of them came to a process of its own, and all found the key free."""

    class Nothing(set[Claim]):
        def add(self, claim: Claim) -> None:
            pass

    monkeypatch.setattr(recording, "_under_way", Nothing())
    monkeypatch.setattr(recording, "find_all", lambda claims: [None] * len(claims))

    outcomes = asyncio.run(_at_once(20, alice, provider))

    assert sum(isinstance(outcome, KeyInUse) for outcome in outcomes) == 19
    assert len(provider.calls) == Reservation.objects.count() == Call.objects.count() == 1
    assert_nothing_held()
    assert_clean()


def test_whoever_finds_it_answered_only_when_claiming_gets_the_answer(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(claim_of(alice), alice)
    monkeypatch.setattr(recording, "find_all", lambda claims: [None] * len(claims))

    again = ask(claim_of(alice), alice)

    assert again == (*first[:3], True)
    assert len(provider.calls) == Reservation.objects.count() == 1
    assert_clean()


def test_another_request_under_the_same_key_is_refused(
    alice: User, provider: ScriptedProvider
) -> None:
    ask(claim_of(alice), alice)

    with pytest.raises(KeyReused) as refused:
        ask(claim_of(alice, fingerprint="0" * 64), alice)

    assert (refused.value.status, refused.value.param) == (422, "Idempotency-Key")
    assert len(provider.calls) == 1


def test_another_persons_key_is_another_key(alice: User, provider: ScriptedProvider) -> None:
    bob = make_user()
    make_budget(bob)
    ask(claim_of(alice), alice)

    assert ask(claim_of(bob, fingerprint="0" * 64), bob)[3] is False
    assert len(provider.calls) == 2


def test_a_refusal_leaves_the_key_free(alice: User, provider: ScriptedProvider) -> None:
    budget = Budget.objects.get()
    limit = budget.limit_nanos
    set_limit(budget, limit_nanos=1, now=timezone.now())
    with pytest.raises(BudgetExceeded):
        ask(claim_of(alice), alice)
    assert not IdempotentRequest.objects.exists()

    set_limit(budget, limit_nanos=limit, now=timezone.now())

    assert ask(claim_of(alice), alice)[0] == 200
    assert len(provider.calls) == 1


@pytest.mark.parametrize(
    ("kind", "status"),
    [(FailureKind.SERVER, 502), (FailureKind.OVERLOADED, 503), (FailureKind.TIMEOUT, 504)],
)
def test_a_failure_is_an_answer_too(
    kind: FailureKind, status: int, alice: User, provider: ScriptedProvider
) -> None:
    provider.default = (ProviderFailure(kind, "down", billing=Billing.NOT_BILLED),)
    model = "llama-3.1-8b-instant"
    first = ask(claim_of(alice), alice, model=model)
    calls = len(provider.calls)

    again = ask(claim_of(alice), alice, model=model)

    assert first[0] == status
    assert again == (*first[:3], True)
    assert len(provider.calls) == calls


def test_a_client_that_leaves_finds_the_answer_when_it_comes_back(
    alice: User, provider: ScriptedProvider
) -> None:
    for respond in (whole, streamed):
        provider.gate = gate = Gate()
        claim = claim_of(alice, key=f"left-{respond.__name__}")

        async def story(respond: Any = respond, claim: Claim = claim, gate: Gate = gate) -> Any:
            asked = len(provider.calls)
            client = asyncio.create_task(once(claim, a_request(alice), respond))
            await provider.arrived(asked + 1)
            client.cancel()
            with pytest.raises(KeyInUse):
                await once(claim, a_request(alice), respond)
            gate.open()
            while not isinstance(
                await writer.run(lambda: find_all([claim])[0]), idempotency.Recorded
            ):
                await asyncio.sleep(0.005)
            return await said(await once(claim, a_request(alice), respond))

        status, _, body, is_replay = asyncio.run(story())
        assert (status, is_replay) == (200, True)
        assert body
    assert len(provider.calls) == 2
    assert_nothing_held()


def _admitted_and_forgotten(alice: User) -> RoutingDecision:
    """A request whose process ended after it was admitted: a row, held money, and nobody there."""
    request = a_request(alice)
    admission, _ = writer.run_sync(lambda: admit(request, claiming(claim_of(alice))))
    assert not isinstance(admission, RouterError)
    return RoutingDecision.objects.get(pk=admission.decision_id)


def test_after_a_crash_the_outcome_is_unknown_and_nothing_is_called(
    alice: User, provider: ScriptedProvider
) -> None:
    decision = _admitted_and_forgotten(alice)

    # Within the lease another process may well be at it.
    with pytest.raises(KeyInUse):
        ask(claim_of(alice), alice)

    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        for _ in range(2):
            with pytest.raises(OutcomeUnknown) as refused:
                ask(claim_of(alice), alice)
            assert refused.value.charged is not None
            assert refused.value.charged.decision_id == str(decision.pk)
            assert refused.value.headers == {"x-should-retry": "false"}
        with pytest.raises(KeyReused):
            ask(claim_of(alice, fingerprint="0" * 64), alice)
        assert_nothing_held()
        assert_clean()
    assert not provider.calls


def test_a_crash_between_the_end_and_its_recording(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "write_all", lambda answers: [None] * len(answers))
    ask(claim_of(alice), alice)

    # For a moment somebody may be about to record it.
    with pytest.raises(KeyInUse):
        ask(claim_of(alice), alice)
    with (
        time_machine.travel(timezone.now() + timedelta(seconds=31)),
        pytest.raises(OutcomeUnknown) as refused,
    ):
        ask(claim_of(alice), alice)

    charged = refused.value.charged
    assert charged is not None
    assert charged.cost_nanos == Window.objects.get().spent_nanos > 0
    assert len(provider.calls) == 1


def test_the_database_away_for_a_moment_delays_the_recording(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals, written = [Unavailable("away")] * 2, recording.write_all

    def write_all(answers: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return written(answers)

    monkeypatch.setattr(recording, "write_all", write_all)
    monkeypatch.setattr(recording, "PAUSES", (0.0, 0.0, 0.0))

    first = ask(claim_of(alice), alice)

    assert not refusals
    assert ask(claim_of(alice), alice) == (*first[:3], True)


@pytest.mark.parametrize("trouble", [Unavailable("away"), RuntimeError("of ours")])
def test_an_answer_that_cannot_be_recorded_is_given_all_the_same(
    trouble: Exception,
    alice: User,
    provider: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write_all(answers: Any) -> Any:
        raise trouble

    monkeypatch.setattr(recording, "write_all", write_all)
    monkeypatch.setattr(recording, "PAUSES", (0.0,))

    assert ask(claim_of(alice), alice)[0] == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=1)), pytest.raises(OutcomeUnknown):
        ask(claim_of(alice), alice)
    assert len(provider.calls) == 1


def test_after_a_day_the_key_is_free_again(alice: User, provider: ScriptedProvider) -> None:
    ask(claim_of(alice), alice)

    with time_machine.travel(timezone.now() + timedelta(hours=24, seconds=1)):
        assert found(claim_of(alice)) is None
        assert ask(claim_of(alice, fingerprint="0" * 64), alice)[3] is False

    assert len(provider.calls) == 2
    assert IdempotentRequest.objects.get().fingerprint == "0" * 64


def test_answers_are_taken_away_when_their_day_is_over(
    alice: User, provider: ScriptedProvider
) -> None:
    now = timezone.now()
    IdempotentRequest.objects.bulk_create(
        IdempotentRequest(user=alice, key=str(n), fingerprint="f", expires_at=now)
        for n in range(30)
    )
    ask(claim_of(alice), alice)
    assert IdempotentRequest.objects.count() == 11

    assert writer.run_sync(lambda: forget_expired(now)) == 10
    assert writer.run_sync(lambda: forget_expired(now)) == 0
    assert IdempotentRequest.objects.get().key == "order-1"


def test_an_answer_too_large_to_keep_is_given_and_not_made_again(
    alice: User, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MOST_KEPT_BYTES", 10)
    provider.enqueue(TextDelta("much too long"), Finished("stop", Usage(5, 5)))

    assert ask(claim_of(alice), alice)[2] == b"much too long"
    with pytest.raises(OutcomeUnknown, match="too large"):
        ask(claim_of(alice), alice)
    assert len(provider.calls) == 1


def test_a_long_answer_is_kept_small_and_replayed_whole(
    alice: User, provider: ScriptedProvider
) -> None:
    text = 'data: {"choices": [{"delta": {"content": " word"}}]}\n\n' * 4000
    provider.enqueue(TextDelta(text), Finished("stop", Usage(5, 5)))

    first = ask(claim_of(alice), alice)

    assert len(bytes(IdempotentRequest.objects.get().body)) < len(text) / 20
    assert ask(claim_of(alice), alice) == (*first[:3], True)
    assert first[2] == text.encode()


def test_a_face_that_breaks_is_told_and_never_calls_again(
    alice: User, provider: ScriptedProvider
) -> None:
    async def broken(run: Run) -> Reply:
        await run.finished()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        ask(claim_of(alice), alice, broken)
    with pytest.raises(KeyInUse):
        ask(claim_of(alice), alice)
    with time_machine.travel(timezone.now() + timedelta(minutes=1)), pytest.raises(OutcomeUnknown):
        ask(claim_of(alice), alice)
    assert len(provider.calls) == 1

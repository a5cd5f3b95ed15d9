"""A provider that fails: retried, then the next candidate, each with money of its own."""

import asyncio

import pytest

from router_app.errors import ProviderFailed, ProviderOverloaded, ProviderTimeout
from router_app.gateway import execution, service
from router_app.gateway.requests import Switched
from router_app.models import Call, LanguageModel, RoutingDecision, User, Window
from router_app.providers.base import (
    Billing,
    FailureKind,
    Finished,
    ProviderFailure,
    TextDelta,
    Usage,
    UsageSource,
)
from router_app.providers.scripted import ScriptedProvider
from tests.gateway.asking import a_request, ask
from tests.gateway.books import assert_clean, assert_nothing_held, calls

pytestmark = pytest.mark.django_db(transaction=True)

BEST, NEXT = "llama-3.3-70b-versatile", "openai/gpt-oss-120b"
BUSY = ProviderFailure(
    FailureKind.OVERLOADED, "too many requests (HTTP 429)", billing=Billing.NOT_BILLED, retry=True
)
DOWN = ProviderFailure(
    FailureKind.SERVER, "the provider failed (HTTP 500)", billing=Billing.UNKNOWN, retry=True
)
GONE = ProviderFailure(
    FailureKind.MODEL_GONE, "no longer has this model", billing=Billing.NOT_BILLED
)
SLOW = ProviderFailure(FailureKind.TIMEOUT, "too slow", billing=Billing.UNKNOWN)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution.retries, "delay_seconds", lambda *_: 0.0)


def test_fails_over(alice: User, provider: ScriptedProvider) -> None:
    # The best model is busy three times: one attempt and two retries.
    for _ in range(3):
        provider.enqueue(BUSY, model=BEST)

    async def story() -> list[object]:
        run = await service.start(a_request(alice))
        events = [event async for event in run.events()]
        await run.finished()
        return events

    events = asyncio.run(story())

    # The next candidate answers, and the watcher was told each time.
    assert [e.model for e in events if isinstance(e, Switched)][-1] == "GPT-OSS 120B"
    assert calls() == [(BEST, "failed", "")] * 3 + [(NEXT, "answered", "reported")]

    # Each attempt had a reservation of its own; what was not billed was given back.
    states = list(Call.objects.order_by("attempt").values_list("reservation__state", flat=True))
    assert states == ["released"] * 3 + ["settled"]
    assert Window.objects.get().spent_nanos == Call.objects.get(attempt=4).cost_nanos

    # The receipt says what became of the best one.
    receipt = RoutingDecision.objects.get().receipt
    dropped = next(c for c in receipt["candidates"] if c["id"] == BEST)
    assert "failed just now" in dropped["drop"]["reason"]

    # Three failures in a row cooled it: the next request does not even try.
    ask(alice)
    assert provider.calls[-1].model == NEXT
    assert_clean()
    assert_nothing_held()


def test_what_may_have_been_billed_is_presumed(alice: User, provider: ScriptedProvider) -> None:
    for _ in range(3):
        provider.enqueue(DOWN, model=BEST)
    answer = ask(alice)
    presumed = list(Call.objects.filter(usage_source="presumed"))
    assert len(presumed) == 3
    assert all(call.cost_nanos == call.reserved_nanos for call in presumed)
    assert answer.total_cost_nanos == answer.cost_nanos + sum(c.cost_nanos for c in presumed)
    assert Window.objects.get().spent_nanos == answer.total_cost_nanos
    assert_clean()


def test_a_model_that_is_gone_is_marked_and_never_asked_again(
    alice: User, provider: ScriptedProvider
) -> None:
    provider.enqueue(GONE, model=BEST)
    assert ask(alice).model == NEXT
    assert (
        LanguageModel.objects.get(provider__slug="demo", model_id=BEST).unavailable_since
        is not None
    )
    assert ask(alice).model == NEXT
    assert [call.model for call in provider.calls] == [BEST, NEXT, NEXT]


def test_after_the_first_text_nothing_is_retried(alice: User, provider: ScriptedProvider) -> None:
    provider.enqueue(TextDelta("Half an "), TextDelta("ans"), DOWN)
    with pytest.raises(ProviderFailed) as error:
        ask(alice)
    call = Call.objects.get()
    assert (call.outcome, call.usage_source) == ("interrupted", UsageSource.COUNTED)
    assert 0 < call.cost_nanos < call.reserved_nanos
    assert error.value.charged is not None and error.value.charged.cost_nanos == call.cost_nanos
    assert_clean()
    assert_nothing_held()


def test_usage_reported_before_the_break_is_believed(
    alice: User, provider: ScriptedProvider
) -> None:
    broken = ProviderFailure(
        FailureKind.BROKEN_STREAM, "broken", billing=Billing.UNKNOWN, usage=Usage(10, 77)
    )
    provider.enqueue(TextDelta("x"), broken)
    with pytest.raises(ProviderFailed):
        ask(alice)
    assert Call.objects.get().output_tokens == 77


def test_when_all_fail_the_error_is_of_the_last_and_in_our_words(
    alice: User, provider: ScriptedProvider
) -> None:
    provider.default = (SLOW,)
    with pytest.raises(ProviderTimeout):
        ask(alice)
    # Each was asked once: slowness has already cost the person a whole limit.
    assert len({call.model for call in provider.calls}) == len(provider.calls) == 4
    assert Window.objects.get().spent_nanos == sum(c.reserved_nanos for c in Call.objects.all())


def test_a_named_model_is_retried_but_never_replaced(
    alice: User, provider: ScriptedProvider
) -> None:
    provider.default = (BUSY,)
    with pytest.raises(ProviderOverloaded):
        ask(alice, model=NEXT)
    assert {call.model for call in provider.calls} == {NEXT} and len(provider.calls) == 3
    assert Window.objects.get().spent_nanos == 0
    assert_nothing_held()


def test_an_answer_without_usage_is_counted(alice: User, provider: ScriptedProvider) -> None:
    provider.enqueue(TextDelta("Some words of an answer."), Finished("stop", None))
    answer = ask(alice)
    assert answer.usage.source == UsageSource.COUNTED
    assert 0 < answer.cost_nanos <= answer.reserved_nanos


def test_a_bill_above_the_hold_is_shown_as_overage(alice: User, provider: ScriptedProvider) -> None:
    provider.enqueue(TextDelta("x"), Finished("stop", Usage(1_000_000, 1_000_000)))
    answer = ask(alice)
    assert answer.cost_nanos > answer.reserved_nanos
    window = Window.objects.get()
    assert window.overage_nanos == answer.cost_nanos - answer.reserved_nanos
    assert window.spent_nanos == answer.reserved_nanos
    assert_clean()


def test_no_output_reported_for_an_answer_that_came_is_no_report(
    alice: User, provider: ScriptedProvider
) -> None:
    provider.enqueue(TextDelta("Some words."), Finished("stop", Usage(10, 0)))
    answer = ask(alice)
    assert answer.usage.source == UsageSource.COUNTED and answer.usage.output_tokens > 0

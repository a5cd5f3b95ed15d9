"""Midnight passes, and prices change, while an answer is being written."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from router_app.budgets.limits import create_budget
from router_app.gateway import service
from router_app.gateway.writer import writer
from router_app.models import Call, LanguageModel, Price, User, Window
from router_app.providers.base import Finished, TextDelta, Usage
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.gateway.asking import a_request, ask
from tests.gateway.books import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)


def test_midnight(alice: User, provider: ScriptedProvider) -> None:
    # Alice lives in Cairo, has $0.01 a day, and asks one minute before her midnight.
    User.objects.update(time_zone="Africa/Cairo")
    alice.refresh_from_db()
    create_budget(user=alice, period="day", limit_nanos=10_000_000)
    gate = Gate()
    provider.enqueue(gate, TextDelta("Good morning"), Finished("stop", Usage(10, 1000)))
    evening = datetime(2026, 4, 23, 21, 59, tzinfo=UTC)  # the clock jumps from 24:00 to 01:00

    with time_machine.travel(evening, tick=False) as clock:

        async def story() -> None:
            run = await service.start(a_request(alice))
            await provider.arrived(1)
            clock.shift(timedelta(minutes=2))
            gate.open()
            await run.finished()

        asyncio.run(story())
        # The answer is booked to the day it was asked on; the new day is whole.
        yesterday = Window.objects.get(budget__period="day")
        assert yesterday.ends_at == datetime(2026, 4, 23, 22, tzinfo=UTC)
        assert yesterday.spent_nanos > 0 and yesterday.reserved_nanos == 0
        ask(alice, "And now?")
        today = Window.objects.filter(budget__period="day").first()
        assert today is not None and today != yesterday
        assert today.spent_nanos == Call.objects.latest("created_at").cost_nanos
        assert_clean()


def test_price_changed_in_flight(alice: User, provider: ScriptedProvider) -> None:
    gate = Gate()
    provider.enqueue(gate, TextDelta("x"), Finished("stop", Usage(100, 1000)))

    async def story() -> int:
        run = await service.start(a_request(alice))
        await provider.arrived(1)
        # An administrator enters ten times the price while the answer is being written.
        await writer.run(
            lambda: Price.objects.create(
                model_id=run.admission.spec.pk, input="5.9", output="7.9", source="a test"
            )
        )
        gate.open()
        return (await run.finished()).cost_nanos

    # The call costs what it was promised to cost; only the next one is dearer.
    assert asyncio.run(story()) == 100 * 590 + 1000 * 790
    provider.enqueue(TextDelta("x"), Finished("stop", Usage(100, 1000)))
    dearer = ask(alice, model="llama-3.3-70b-versatile")
    assert dearer.cost_nanos == 100 * 5900 + 1000 * 7900
    first, second = Call.objects.order_by("created_at")
    assert first.price_id != second.price_id


def test_a_price_of_the_future_waits_for_its_moment(
    alice: User, provider: ScriptedProvider
) -> None:
    model = LanguageModel.objects.get(provider__slug="demo", model_id="openai/gpt-oss-20b")
    begins = timezone.now() + timedelta(hours=1)
    Price.objects.create(model=model, input="1", output="1", valid_from=begins)
    provider.default = (TextDelta("x"), Finished("stop", Usage(100, 100)))
    assert ask(alice, model=model.model_id).cost_nanos == 100 * 75 + 100 * 300
    with time_machine.travel(begins + timedelta(seconds=1)):
        assert ask(alice, model=model.model_id).cost_nanos == 200_000

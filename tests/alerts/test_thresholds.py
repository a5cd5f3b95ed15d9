"""A limit that nears its end says so: once for each threshold of a window, whatever happens."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from router_app.budgets.limits import close_budget, create_budget, set_alerts, set_limit
from router_app.budgets.thresholds import percent_of
from router_app.budgets.topups import top_up
from router_app.errors import BudgetExceeded
from router_app.gateway import service
from router_app.gateway.corrections import correct_call
from router_app.models import Alert, Budget, Call, Level, User, Window
from router_app.providers.base import Finished, TextDelta, Usage
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.gateway.asking import a_request, ask

pytestmark = pytest.mark.django_db(transaction=True)

MODEL = "openai/gpt-oss-20b"  # 75 nanos a token read, 300 a token written
COST = 300 * 1000


@pytest.fixture
def limit(alice: User, provider: ScriptedProvider) -> Budget:
    """Ten answers of `COST`."""
    provider.default = (TextDelta("Yes."), Finished("stop", Usage(0, 1000)))
    return create_budget(user=alice, period="day", limit_nanos=10 * COST, name="Ten")


def told(kind: str = Alert.Kind.THRESHOLD) -> list[tuple[str, int | None]]:
    """What was written about limits, by their names."""
    alerts = Alert.objects.filter(kind=kind).order_by("window", "percent")
    return [(alert.window.budget.name, alert.percent) for alert in alerts if alert.window]


def spend(user: User, times: int = 1) -> None:
    for _ in range(times):
        ask(user, model=MODEL, max_tokens=1000)


@pytest.mark.parametrize(
    ("percent", "used", "limit", "reached"),
    [
        (80, 79, 100, False),
        (80, 80, 100, True),
        (80, 4, 5, True),
        (90, 4, 5, False),
        (100, 99, 100, False),
        (100, 100, 100, True),
        (100, 150, 100, True),
        (100, 0, 0, False),  # a limit of nothing: nothing was spent
        (100, 1, 0, True),
        (1, 1, 10**15, False),
        (33, 33, 100, True),
        (33, 333_333_333, 1_000_000_000, True),
    ],
)
def test_a_threshold_is_exact(percent: int, used: int, limit: int, reached: bool) -> None:
    assert (percent <= percent_of(used, limit)) is reached


def test_each_threshold_is_told_once(alice: User, limit: Budget) -> None:
    spend(alice, 7)
    assert told() == []
    spend(alice)
    assert told() == [("Ten", 80)]
    spend(alice)
    assert told() == [("Ten", 80), ("Ten", 90)]
    spend(alice)
    assert told() == [("Ten", 80), ("Ten", 90), ("Ten", 100)]
    with pytest.raises(BudgetExceeded):
        spend(alice)
    assert len(told()) == 3


def test_what_is_held_is_not_told(alice: User, limit: Budget, provider: ScriptedProvider) -> None:
    provider.default = (TextDelta("Yes."), Finished("stop", Usage(0, 1)))
    ask(alice, model=MODEL, max_tokens=9000, budget="1")

    assert told() == []


def test_a_top_up_and_its_end(alice: User, limit: Budget) -> None:
    spend(alice, 8)
    assert told() == [("Ten", 80)]
    now = timezone.now()
    top_up(limit, amount_nanos=10 * COST, reason="more", author=alice, now=now)
    spend(alice, 8)
    assert told() == [("Ten", 80)], "told before: 80 % of the higher limit is the same threshold"
    spend(alice, 2)
    assert told() == [("Ten", 80), ("Ten", 90)]


def test_a_limit_that_is_lowered_below_what_is_spent(alice: User, limit: Budget) -> None:
    spend(alice, 5)
    assert told() == []

    set_limit(limit, limit_nanos=5 * COST, now=timezone.now())
    assert told() == [("Ten", 80), ("Ten", 90), ("Ten", 100)]

    set_limit(limit, limit_nanos=50 * COST, now=timezone.now())
    set_limit(limit, limit_nanos=5 * COST, now=timezone.now())
    assert len(told()) == 3


def test_a_correction_upwards(alice: User, limit: Budget) -> None:
    spend(alice, 7)
    call = Call.objects.latest("created_at")
    correct_call(call.pk, actual_nanos=2 * COST, author_id=alice.pk, reason="the bill")

    assert told() == [("Ten", 80)]


def test_thresholds_are_a_budgets_own(alice: User, limit: Budget) -> None:
    spend(alice, 5)
    set_alerts(limit, percents=[10, 50, 60], now=timezone.now())
    assert told() == [("Ten", 10), ("Ten", 50)], "what is reached already is told now"

    spend(alice)
    assert told() == [("Ten", 10), ("Ten", 50), ("Ten", 60)]

    set_alerts(limit, percents=[], now=timezone.now())
    spend(alice, 3)
    assert len(told()) == 3


def test_thresholds_that_are_set_while_an_answer_is_written(
    alice: User, limit: Budget, provider: ScriptedProvider
) -> None:
    spend(alice, 4)
    gate = Gate()
    provider.enqueue(gate, TextDelta("Yes."), Finished("stop", Usage(0, 1000)))

    async def story() -> None:
        run = await service.start(a_request(alice, model=MODEL, max_tokens=1000))
        await provider.arrived(5)
        await sync_to_async(set_alerts)(limit, percents=[50], now=timezone.now())
        gate.open()
        await run.finished()

    asyncio.run(story())
    assert told() == [("Ten", 50)]


def test_a_closing_asks_nothing_more_while_nothing_is_reached(
    alice: User, limit: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("thresholds were read")

    set_limit(limit, limit_nanos=1000 * COST, now=timezone.now())
    Budget.objects.exclude(pk=limit.pk).update(is_active=False)
    monkeypatch.setattr("router_app.gateway.alerting.note_reached", never)
    spend(alice, 9)

    assert told() == []


def test_each_period_anew(alice: User, limit: Budget, time_machine) -> None:
    now = timezone.now().replace(hour=12)
    time_machine.move_to(now, tick=False)
    spend(alice, 8)
    time_machine.move_to(now + timedelta(days=1), tick=False)
    spend(alice, 8)

    assert told() == [("Ten", 80), ("Ten", 80)]
    assert Window.objects.filter(budget=limit).count() == 2


def test_every_level_that_is_reached(alice: User, limit: Budget) -> None:
    own = alice.personal_workspace
    for level, whom in {
        Level.SITE: {},
        Level.WORKSPACE: {"workspace": own},
        Level.MEMBER: {"workspace": own, "user": alice},
    }.items():
        create_budget(level=level, period="month", limit_nanos=10 * COST, name=level.value, **whom)
    spend(alice, 8)

    assert sorted(told()) == [("Ten", 80), ("member", 80), ("site", 80), ("workspace", 80)]


def test_a_closed_limit_tells_nothing(alice: User, limit: Budget) -> None:
    spend(alice, 5)
    close_budget(limit)
    set_limit(limit, limit_nanos=COST, now=timezone.now())

    assert told() == []

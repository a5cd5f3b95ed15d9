"""A team of three through a month in which the clocks change.

In Berlin, March 2026: on the 29th the day has 23 hours. All share $3.00 a month; Ben may spend
$0.20 a day in the team; code may cost the team $0.30 a week. Every answer costs what its number of
tokens says, so each sum can be done by hand.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from time_machine import TimeMachineFixture

from router_app.alerts.spreading import spread_pending
from router_app.analytics.cells import Dimension, sums_by
from router_app.analytics.ranges import Bucket
from router_app.analytics.scope import Scope
from router_app.budgets.limits import create_budget, create_starting_budget
from router_app.budgets.topups import top_up
from router_app.errors import BudgetExceeded
from router_app.models import (
    Budget,
    Call,
    LanguageModel,
    Level,
    Notice,
    Price,
    User,
    Window,
    Workspace,
)
from router_app.providers.base import Finished, TextDelta, Usage
from router_app.providers.scripted import ScriptedProvider
from tests.factories import CENT, DOLLAR, make_team, make_user
from tests.gateway.asking import ask
from tests.gateway.books import assert_clean, assert_nothing_held

pytestmark = pytest.mark.django_db(transaction=True)

BERLIN = ZoneInfo("Europe/Berlin")
MODEL = "openai/gpt-oss-120b"
TOKENS_A_CENT = 100  # at $100 a million


class Team:
    """Ann leads; Ben and Cleo ask too."""

    def __init__(self, provider: ScriptedProvider) -> None:
        zone = {"time_zone": "Europe/Berlin"}
        self.provider = provider
        self.ann, self.ben, self.cleo = (make_user(n, **zone) for n in ("ann", "ben", "cleo"))
        model = LanguageModel.objects.get(model_id=MODEL, provider__slug="demo")
        Price.objects.create(model=model, input="0.15", output="100", source="a test")
        for person in (self.ann, self.ben, self.cleo):
            create_starting_budget(person)
        self.workspace: Workspace = make_team(self.ann, member=[self.ben, self.cleo])
        whom: dict[str, Any] = {"level": Level.WORKSPACE, "workspace": self.workspace}
        self.shared = create_budget(**whom, period="month", limit_nanos=3 * DOLLAR)
        self.code = create_budget(**whom, period="week", limit_nanos=30 * CENT, task_type="code")
        self.bens = create_budget(
            level=Level.MEMBER, workspace=self.workspace, user=self.ben, period="day",
            limit_nanos=20 * CENT,
        )  # fmt: skip

    def asks(self, who: User, cents: int, task: str = "general") -> None:
        """An answer of exactly so many cents."""
        tokens = cents * TOKENS_A_CENT
        self.provider.default = (TextDelta("Yes."), Finished("stop", Usage(0, tokens)))
        ask(
            who, workspace_id=self.workspace.pk, task=task, model=MODEL, max_tokens=tokens,
            budget="1",
        )  # fmt: skip

    def spent(self, budget: Budget) -> list[int]:
        """By period, in cents."""
        windows = Window.objects.filter(budget=budget).order_by("starts_at")
        assert all(window.spent_nanos % CENT == 0 for window in windows)
        return [window.spent_nanos // CENT for window in windows]


@pytest.fixture
def clock(time_machine: TimeMachineFixture) -> TimeMachineFixture:
    time_machine.move_to(at(2, 9), tick=False)
    return time_machine


@pytest.fixture
def team(catalog: None, provider: ScriptedProvider, clock: TimeMachineFixture) -> Team:
    return Team(provider)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """On a wall clock in Berlin, in March."""
    return datetime(2026, 3, day, hour, minute, tzinfo=BERLIN)


def test_a_month(team: Team, clock: TimeMachineFixture) -> None:
    # The first weeks: everybody asks; what Ben asks for code counts three times, and once each.
    team.asks(team.ann, 40)
    team.asks(team.ben, 15, task="code")
    clock.move_to(at(3, 9))
    team.asks(team.ben, 18)
    clock.move_to(at(11, 14))
    team.asks(team.cleo, 25, task="code")
    with pytest.raises(BudgetExceeded, match="Weekly limit of Harbour for code"):
        team.asks(team.ben, 10, task="code")
    team.asks(team.ben, 10)  # not for code it is fine
    assert team.spent(team.shared) == [108]
    assert team.spent(team.bens) == [15, 18, 10]
    assert team.spent(team.code) == [15, 25]

    # The day before the clocks change, Ben spends nearly all of his day, and at its last minute.
    clock.move_to(at(28, 10))
    team.asks(team.ben, 19)
    clock.move_to(at(28, 23, 59))
    with pytest.raises(BudgetExceeded, match="Daily limit of ben in Harbour"):
        team.asks(team.ben, 15)
    top_up(
        team.bens, amount_nanos=20 * CENT, reason="a demo tomorrow", author=team.ann,
        now=timezone.now(), until=at(29, 12),
    )  # fmt: skip
    team.asks(team.ben, 15)

    # Sunday has 23 hours and its own 20 cents: the top-up was for the day that is over.
    clock.move_to(at(29, 0))
    team.asks(team.ben, 19)
    sunday = Window.objects.filter(budget=team.bens).latest("starts_at")
    assert (sunday.starts_at, sunday.ends_at) == (at(29, 0), at(30, 0))
    assert sunday.ends_at - sunday.starts_at == timedelta(hours=23)
    assert sunday.limit_nanos == 20 * CENT
    clock.move_to(at(29, 3, 30))  # half an hour after the clocks went from 2 to 3
    with pytest.raises(BudgetExceeded, match="Daily limit of ben in Harbour"):
        team.asks(team.ben, 15)
    clock.move_to(at(30, 0))
    team.asks(team.ben, 19)
    assert team.spent(team.bens) == [15, 18, 10, 34, 19, 19]
    # Weeks begin on Monday, so that of the 23rd ended after 167 hours; nobody asked for code in it.
    assert team.spent(team.code) == [15, 25]

    # The last day: the month nears its end, and Ann is told, once for each threshold.
    clock.move_to(at(31, 9))
    assert team.spent(team.shared) == [180]
    team.asks(team.cleo, 65)
    team.asks(team.ann, 30)
    spread_pending()
    team.asks(team.ann, 21)
    told = Notice.objects.filter(user=team.ann, title__contains="Monthly limit of Harbour")
    assert [notice.title for notice in told] == ["Monthly limit of Harbour: 90 % is spent"]
    with pytest.raises(BudgetExceeded, match="Monthly limit of Harbour"):
        team.asks(team.ann, 60)

    # April begins at midnight in Berlin, which is 22:00 UTC now.
    clock.move_to(datetime(2026, 4, 1, tzinfo=BERLIN))
    team.asks(team.ann, 60)
    march, april = Window.objects.filter(budget=team.shared).order_by("starts_at")
    assert march.ends_at == april.starts_at == datetime.fromisoformat("2026-03-31T22:00+00:00")
    assert (team.spent(team.shared), april.overage_nanos) == ([296, 60], 0)

    # Whoever adds it up another way comes to the same, to the nano.
    calls = Call.objects.filter(workspace=team.workspace)
    by_member = sums_by(
        Scope(team.workspace.pk, None, "Europe/Berlin"),
        [Bucket(at(1, 0), datetime(2026, 4, 1, tzinfo=BERLIN))],
        [Dimension.MEMBER],
    )
    assert {User.objects.get(pk=pk).username: sums.cost_nanos for (_, pk), sums in by_member} == {
        "ann": 91 * CENT, "ben": 115 * CENT, "cleo": 90 * CENT,
    }  # fmt: skip
    assert sum(call.cost_nanos for call in calls) == march.spent_nanos + april.spent_nanos
    assert_nothing_held()
    assert_clean()

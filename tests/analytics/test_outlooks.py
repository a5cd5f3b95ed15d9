"""What budgets are likely to come to: from rows of usage to an end, an interval and a date."""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from router_app.analytics.forecast import TooLittle
from router_app.analytics.outlooks import Outlook, outlook_of, outlooks_of, prospect_of
from router_app.analytics.usage import UsageFacts, Whose, add_usage
from router_app.models import Budget, LanguageModel, Level, User
from tests import factories as make
from tests.factories import CENT, DOLLAR

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 16, 12, tzinfo=UTC)  # a Monday
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def alice() -> User:
    return make.make_user("alice")


def spend_daily(user: User, days_nanos: Sequence[int], *, until: datetime = NOW) -> None:
    """What each day cost, the last of which is the day before, in six parts from 07:00 on."""
    model = LanguageModel.objects.first() or make.make_model()
    whose = Whose(user.personal_workspace.pk, user.pk, model.pk, "general")
    first = until.replace(hour=7, minute=5) - timedelta(days=len(days_nanos))
    add_usage(
        [
            UsageFacts(whose, first + timedelta(days=day, hours=2 * part), cost_nanos=nanos // 6)
            for day, nanos in enumerate(days_nanos)
            for part in range(6)
        ]
    )


def november(budget: Budget, spent_nanos: int) -> Budget:
    starts_at, ends_at = NOVEMBER
    make.make_window(budget, starts_at, ends_at=ends_at, spent_nanos=spent_nanos)
    return budget


def outlook(budget: Budget, now: datetime = NOW) -> Outlook:
    found = outlook_of(budget, now)
    assert isinstance(found, Outlook)
    return found


def test_what_is_always_the_same_goes_on(alice):
    spend_daily(alice, [60 * CENT] * 60)
    found = outlook(november(make.make_budget(alice, 30 * DOLLAR), 9 * DOLLAR))

    assert found.last_day == date(2026, 11, 30)
    assert found.expected_nanos == pytest.approx(18 * DOLLAR, rel=0.02)
    assert found.low_nanos <= found.expected_nanos <= found.high_nanos
    assert found.pace_nanos == 60 * CENT
    assert (found.runs_out_at, found.has_run_out) == (None, False)


def test_the_moment_it_runs_out_is_in_the_budgets_zone_on_the_forecasts_day(alice):
    spend_daily(alice, [60 * CENT] * 60)
    budget = november(make.make_budget(alice, 12 * DOLLAR, time_zone="Asia/Tokyo"), 9 * DOLLAR)

    found = outlook(budget)

    at = found.runs_out_at
    assert at is not None
    assert at.tzinfo == ZoneInfo("Asia/Tokyo")
    assert at.date() == found.found.run_out.on
    assert NOW + timedelta(days=3) < at < NOW + timedelta(days=7)


def test_a_top_up_puts_the_moment_off(alice):
    from router_app.budgets.topups import top_up

    spend_daily(alice, [60 * CENT] * 60)
    budget = november(make.make_budget(alice, 12 * DOLLAR), 9 * DOLLAR)
    before = outlook(budget).runs_out_at

    top_up(budget, amount_nanos=3 * DOLLAR, reason="x", author=alice, now=NOW)

    after = outlook(budget).runs_out_at
    assert before is not None
    assert after is not None
    assert after - before == pytest.approx(timedelta(days=5), abs=timedelta(days=1))


def test_what_is_spent_has_run_out_now(alice):
    spend_daily(alice, [60 * CENT] * 60)
    found = outlook(november(make.make_budget(alice, 9 * DOLLAR), 9 * DOLLAR))
    assert (found.has_run_out, found.runs_out_at) == (True, NOW)


def test_a_budget_without_an_end_is_looked_at_for_ninety_days(alice):
    spend_daily(alice, [60 * CENT] * 60)
    budget = make.make_budget(alice, 60 * DOLLAR, period="total")
    make.make_window(budget, datetime(1970, 1, 1, tzinfo=UTC), spent_nanos=36 * DOLLAR)

    found = outlook(budget)

    assert found.last_day == NOW.date() + timedelta(days=90)
    assert found.expected_nanos == pytest.approx(90 * DOLLAR, rel=0.05)
    assert found.runs_out_at is not None
    assert found.runs_out_at - NOW == pytest.approx(timedelta(days=40), abs=timedelta(days=3))


def test_days_cut_short_do_not_look_like_little_demand(alice):
    """October's $9 were spent by the 15th: the forecast for November is of what is asked for."""
    now = datetime(2026, 11, 3, 12, tzinfo=UTC)
    spend_daily(alice, [60 * CENT] * 42 + [0] * 16 + [60 * CENT] * 2, until=now)
    budget = november(make.make_budget(alice, 9 * DOLLAR), 120 * CENT)
    as_if_quiet = outlook(budget, now)

    october = datetime(2026, 10, 1, tzinfo=UTC)
    make.make_window(budget, october, ends_at=NOVEMBER[0], spent_nanos=9 * DOLLAR)

    found = outlook(budget, now)
    assert found.expected_nanos == pytest.approx(18 * DOLLAR, rel=0.1)
    width = found.high_nanos - found.low_nanos
    assert width < (as_if_quiet.high_nanos - as_if_quiet.low_nanos) / 2


@pytest.mark.parametrize("days", [0, 3, 9])
def test_too_little_is_said_with_how_much_there_is(alice, days):
    spend_daily(alice, [CENT] * days)
    budget = make.make_budget(alice)
    assert outlook_of(budget, NOW) == TooLittle(days, days)
    assert prospect_of(budget, NOW).track.made == 0


def test_a_budget_that_ran_out_on_all_its_days_is_not_known(alice):
    budget = make.make_budget(alice, CENT, period="day")
    spend_daily(alice, [CENT] * 30)
    for ago in range(1, 31):
        starts_at = NOW.replace(hour=0) - timedelta(days=ago)
        make.make_window(budget, starts_at, ends_at=starts_at + timedelta(days=1), spent_nanos=CENT)
    assert outlook_of(budget, NOW) == TooLittle(0, 0)


def test_many_at_once_say_the_same_as_one_by_one_and_as_the_page(alice):
    rng = random.Random(5)
    spend_daily(alice, [round(DOLLAR * rng.lognormvariate(0, 0.5)) for _ in range(300)])
    budgets = [make.make_budget(alice, period=period) for period in ("day", "week", "month")]
    budgets.append(Budget.objects.create(level=Level.SITE, limit_nanos=DOLLAR, period="total"))

    together = outlooks_of(budgets, NOW)

    for budget in budgets:
        alone, shown = outlook_of(budget, NOW), prospect_of(budget, NOW).outlook
        assert isinstance(shown, Outlook)
        assert together[budget.pk] == alone
        assert shown.found == alone.found  # type: ignore[union-attr]


def test_past_periods_are_tried_and_their_ends_are_what_was_spent(alice):
    rng = random.Random(6)
    days = [round(DOLLAR * rng.lognormvariate(0, 0.3)) // 6 * 6 for _ in range(300)]
    spend_daily(alice, days)

    track = prospect_of(make.make_budget(alice), NOW).track

    assert [each.made_on for each in track.tried] == [date(2026, m, 16) for m in range(10, 4, -1)]
    assert track.tried[0].actual_nanos == sum(days[-46:-15])  # October
    assert track.held >= 3


def test_four_of_five_ends_are_within_the_interval():
    """Series fed through calls' sums and read back, on the mornings of every third of October."""
    held = made = 0
    first, last = 44, 75  # of 75 days: October
    for seed in range(6):
        rng, user = random.Random(seed), make.make_user(f"user{seed}")
        days = [
            round(DOLLAR * (0.2 if day % 7 > 4 else 1) * rng.lognormvariate(0, 0.4)) // 6 * 6
            for day in range(last)
        ]
        window = make.make_window(
            make.make_budget(user, 10**15), datetime(2026, 10, 1, tzinfo=UTC), ends_at=NOVEMBER[0]
        )
        known = 0
        for day in range(first + 1, last, 3):
            morning = NOVEMBER[0] - timedelta(days=last - day)
            spend_daily(user, days[known:day], until=morning)
            known = day
            window.spent_nanos = sum(days[first:day])
            window.save()
            found = outlook(window.budget, morning)
            made += 1
            held += found.low_nanos <= sum(days[first:]) <= found.high_nanos
    assert made == 60
    assert 0.65 <= held / made <= 0.95

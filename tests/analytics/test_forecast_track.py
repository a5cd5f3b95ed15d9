"""What a page may say of its past forecasts: made with what was known then, judged by what came."""

import random
from datetime import date, timedelta

import pytest

from router_app.analytics.forecast import History, backtest

USD = 10**9
FIRST = date(2026, 1, 1)


def history(days: int, *, until: date | None = None, seed: int = 3) -> History:
    rng = random.Random(seed)
    first = FIRST if until is None else until - timedelta(days=days)
    return History(first, [round(USD * rng.lognormvariate(0, 0.3)) for _ in range(days)])


def test_months_are_tried_at_the_same_day_and_the_latest_comes_first() -> None:
    track = backtest(history(320, until=date(2026, 11, 12)), period="month")

    made = [(each.made_on.month, each.made_on.day) for each in track.tried]
    assert made == [(month, 12) for month in (10, 9, 8, 7, 6, 5)]


def test_the_end_of_a_month_exists_in_every_month() -> None:
    track = backtest(history(320, until=date(2026, 5, 31)), period="month", periods=3)
    assert [each.made_on for each in track.tried] == [
        date(2026, 4, 30), date(2026, 3, 31), date(2026, 2, 28)
    ]  # fmt: skip


def test_weeks_and_days_are_tried_as_often_as_asked() -> None:
    past = history(100, until=date(2026, 6, 4))  # a Thursday
    weeks = backtest(past, period="week", periods=4)
    days = backtest(past, period="day", periods=3)

    assert [each.made_on.weekday() for each in weeks.tried] == [3] * 4
    assert [each.made_on.day for each in days.tried] == [3, 2, 1]


def test_actual_ends_are_what_was_spent_in_the_period() -> None:
    past = history(100, until=date(2026, 6, 4))
    week = backtest(past, period="week", periods=1).tried[0]
    begins = past.number(date(2026, 5, 25))
    assert week.actual_nanos == sum(day or 0 for day in past.days_nanos[begins : begins + 7])


def test_a_budget_without_an_end_is_tried_by_thirty_days() -> None:
    track = backtest(history(95), period="total")
    today = FIRST + timedelta(days=95)
    assert [(today - each.made_on).days for each in track.tried] == [30, 60]  # 5 days before 90
    assert track.tried[0].actual_nanos == pytest.approx(30 * USD, rel=0.3)


def test_what_never_changes_is_foretold_each_time() -> None:
    track = backtest(History(FIRST, [USD] * 200), period="week")
    assert track.held == track.made == 6
    assert track.median_error is not None
    assert track.median_error < 0.02


def test_a_sudden_change_is_a_forecast_that_did_not_hold() -> None:
    past = history(140)
    days = [*past.days_nanos]
    days[-10:] = [20 * USD] * 10
    track = backtest(History(FIRST, days), period="total", periods=4)

    assert not track.tried[0].held
    assert 1 <= track.held < track.made
    assert track.tried[0].error == pytest.approx(
        abs(track.tried[0].expected_nanos / track.tried[0].actual_nanos - 1)
    )


def test_nothing_is_known_that_came_later() -> None:
    past = history(120, until=date(2026, 6, 4))
    days = [*past.days_nanos]
    days[-10:] = [50 * USD] * 10
    before = backtest(past, period="week").tried
    after = backtest(History(past.first_day, days), period="week").tried

    for one, other in zip(before, after, strict=True):
        if past.number(one.made_on) <= 110:
            assert (one.low_nanos, one.high_nanos) == (other.low_nanos, other.high_nanos)
    assert before[0].actual_nanos < after[0].actual_nanos


def test_forecasts_are_made_at_the_present_time_of_day() -> None:
    past = history(60)
    evening = [(day or 0) // 20 for day in past.days_nanos]
    morning = backtest(past, period="day")
    late = backtest(History(FIRST, past.days_nanos, evening), period="day")

    assert late.median_error is not None
    assert morning.median_error is not None
    assert late.median_error < morning.median_error / 4


def test_periods_with_unknown_days_and_those_after_too_little_are_left_out() -> None:
    past = history(60, until=date(2026, 6, 1))  # a Monday
    days = [*past.days_nanos]
    days[-10] = None
    tried = backtest(History(past.first_day, days), period="week", periods=9).tried
    assert [(date(2026, 6, 1) - each.made_on).days // 7 for each in tried] == [1, 3, 4, 5, 6, 7]

    nothing = backtest(history(5), period="week")
    assert (nothing.made, nothing.held, nothing.median_error) == (0, 0, None)


def test_nothing_spent_is_no_error_in_percent() -> None:
    days = [USD] * 30 + [0] * 40
    track = backtest(History(FIRST, days), period="day", periods=3)
    assert track.made == 3
    assert track.median_error is None


def test_a_period_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="year"):
        backtest(history(60), period="year")

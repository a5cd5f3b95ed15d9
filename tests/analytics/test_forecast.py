"""A forecast says what it should of spendings that a person could foretell."""

import math
from datetime import timedelta
from statistics import median

import pytest

from router_app.analytics.forecast import Band, Forecast, History, forecast
from tests.analytics.spendings import MONDAY, NO_LIMIT, USD, foretell, noisy


def width(band: Band) -> float:
    return (band.high_nanos - band.low_nanos) / band.expected_nanos


def workweeks(weeks: int, *, seed: int = 7) -> list[int]:
    """Nothing at all on Saturdays and Sundays."""
    return noisy([1, 1, 1, 1, 1, 0, 0] * weeks, seed=seed)


def test_what_never_changes_goes_on() -> None:
    found = foretell([3 * USD] * 28, left=9, spent=12 * USD)

    assert found.path[0].day == MONDAY + timedelta(days=28)
    assert found.end.day == MONDAY + timedelta(days=37)
    assert found.end.expected_nanos == pytest.approx(42 * USD, rel=0.02)
    assert found.end.low_nanos <= 42 * USD <= found.end.high_nanos
    assert found.end.high_nanos - found.end.low_nanos < 4 * USD


def test_quiet_weekends_are_known_after_three_weeks() -> None:
    days = workweeks(4)
    saturday = foretell(days[:26], left=1)
    monday = foretell(days[:21], left=0)

    assert saturday.path[0].day.weekday() == 5
    assert saturday.end.high_nanos < 0.2 * USD
    assert monday.end.low_nanos > 0.4 * USD
    assert monday.grounds.weekday_shares is not None
    assert monday.grounds.weekday_shares[6] < 0.1 < 1.2 < monday.grounds.weekday_shares[0]


def test_a_weekend_of_friday_and_saturday_is_found_too() -> None:
    shares = foretell(noisy([1, 1, 1, 1, 0, 0, 1] * 5)).grounds.weekday_shares
    assert shares is not None
    assert max(shares[4:6]) < 0.1 < 1 < shares[6]


@pytest.mark.parametrize("seed", range(5))
def test_chance_is_no_weekday_pattern(seed: int) -> None:
    found = foretell(noisy([1] * 60, deviation=0.4, seed=seed))
    assert found.grounds.weekday_shares is None
    assert "No weekday stands out." in found.grounds.sentences()


def test_growth_is_carried_on_and_said() -> None:
    found = foretell(noisy([1.01**day for day in range(70)], deviation=0.2), left=20)
    true_end = sum(1.01**day for day in range(70, 91)) * USD
    without_growth = 21 * 1.01**35 * USD

    assert found.end.low_nanos < true_end < found.end.high_nanos
    assert found.end.low_nanos > without_growth
    assert 0.02 < found.grounds.growth_a_week < 0.1
    assert any(said.startswith("Growing") for said in found.grounds.sentences())


def test_decline_is_carried_on_and_said() -> None:
    found = foretell(noisy([0.99**day for day in range(70)], deviation=0.2), left=20)
    true_end = sum(0.99**day for day in range(70, 91)) * USD
    without_decline = 21 * 0.99**35 * USD

    assert found.end.low_nanos < true_end < found.end.high_nanos
    assert found.end.high_nanos < without_decline
    assert any(said.startswith("Falling") for said in found.grounds.sentences())


def test_a_new_level_is_believed_after_a_week() -> None:
    found = foretell(noisy([1] * 60 + [5] * 8, deviation=0.2), left=9)
    assert found.end.low_nanos > 20 * USD
    assert found.end.expected_nanos > 35 * USD


def test_one_giant_is_no_new_level() -> None:
    usual = noisy([1] * 60, deviation=0.2)
    found = foretell([*usual[:-2], 30 * USD, usual[-1]], left=9)
    assert found.end.expected_nanos < 20 * USD


def test_the_less_is_known_the_wider_the_range() -> None:
    series = [noisy([1] * 120, seed=seed) for seed in range(6)]
    long, short = ([foretell(days[-known:], left=20).end for days in series] for known in (120, 12))
    assert median(map(width, short)) > 1.4 * median(map(width, long))


def test_the_rest_of_today_is_what_days_usually_still_cost_by_now() -> None:
    days = noisy([1] * 30)
    evening, morning = [day // 100 for day in days], [day - day // 100 for day in days]

    assert foretell(days, later=evening, left=0, today=USD).end.high_nanos < 0.05 * USD
    assert foretell(days, later=morning, left=0).end.low_nanos > 0.4 * USD


def test_without_times_the_clock_says_how_much_of_today_is_left() -> None:
    past = History(MONDAY, noisy([1] * 30))
    rests = []
    for fraction in (0.0, 0.5, 1.0):
        found = forecast(
            past, days_left=0, spent_nanos=0, limit_nanos=NO_LIMIT, today_fraction=fraction
        )
        assert isinstance(found, Forecast)
        rests.append(found.end.expected_nanos)
    assert rests[0] > 0.8 * USD
    assert 0.3 * USD < rests[1] < 0.7 * USD
    assert rests[2] == 0


def test_past_misses_make_the_range_wider_and_past_hits_narrower() -> None:
    waves = [1 + 0.6 * math.sin(day / 6) for day in range(150)]
    missed = foretell(noisy(waves, deviation=0.1), left=20).grounds
    hit = foretell(noisy([1] * 150, deviation=0.1), left=20).grounds

    assert hit.stretch < 0.9 < 1.25 < missed.stretch
    assert any("wider" in said for said in missed.sentences())
    assert not any("wider" in said for said in hit.sentences())


def test_today_counts_before_it_is_over() -> None:
    days = noisy([1] * 30)
    later = [day // 2 for day in days]
    usual, busy = (
        foretell(days, later=later, left=14, today=today).end for today in (USD // 2, 5 * USD)
    )
    assert busy.expected_nanos > 1.1 * usual.expected_nanos
    assert busy.high_nanos > 1.15 * usual.high_nanos


def test_days_that_say_nothing_are_not_days_without_spending() -> None:
    days: list[int | None] = [*noisy([1] * 60)]
    whole = foretell(days).end.expected_nanos
    days[30:40] = [None] * 10
    assert foretell(days).end.expected_nanos == pytest.approx(whole, rel=0.1)
    days[30:40] = [0] * 10
    assert foretell(days[:40]).end.expected_nanos < 0.5 * whole


def test_days_before_a_team_was_there_are_not_days_without_spending() -> None:
    days = noisy([1] * 30)
    assert foretell([0] * 50 + days).grounds.days == 30
    unknown = [0] * 50 + days[:15] + [None] * 20 + days[15:]
    assert foretell(unknown).grounds.days == 30
    with_gaps = [0] * 6 + [USD, 0, 0, 0, 0, 0, 0] * 6
    assert foretell(with_gaps).grounds.days == len(with_gaps)


def test_only_the_last_half_year_is_looked_at() -> None:
    days = noisy([1] * 180)
    assert foretell(noisy([9] * 70) + days).end == foretell([5] * 70 + days).end


def test_the_same_question_has_the_same_answer() -> None:
    days = workweeks(6)
    assert foretell(days) == foretell(days)
    assert foretell(days, seed=2) != foretell(days)


def test_the_unit_does_not_matter() -> None:
    days = noisy([1] * 40)
    small, large = foretell([day // USD * USD for day in days]), foretell([d // USD for d in days])
    assert small.end.high_nanos == pytest.approx(large.end.high_nanos * USD, abs=USD)

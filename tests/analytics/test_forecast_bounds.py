"""When the limit is reached, when nothing can be said, and what holds whatever was spent."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router_app.analytics.forecast import History, TooLittle, forecast
from tests.analytics.spendings import MONDAY, USD, foretell, noisy


def test_it_runs_out_when_the_limit_is_reached() -> None:
    found = foretell([2 * USD] * 30, left=20, spent=10 * USD, limit=20 * USD + USD // 2)
    assert found.run_out.chance == 1
    assert found.run_out.on == MONDAY + timedelta(days=30 + 5)
    assert found.run_out.early is not None
    assert found.run_out.late is not None
    assert found.run_out.early <= found.run_out.on <= found.run_out.late


def test_it_may_run_out_and_may_not() -> None:
    days = noisy([1] * 60, deviation=0.8)
    expected = foretell(days, left=10).end.expected_nanos
    run_out = foretell(days, left=10, limit=expected + USD // 10).run_out
    assert 0.3 < run_out.chance < 0.5
    assert run_out.early is not None
    assert run_out.on is run_out.late is None


def test_it_has_run_out_already_or_never_will() -> None:
    days = noisy([1] * 30)
    today = MONDAY + timedelta(days=30)

    gone = foretell(days, spent=5 * USD, limit=5 * USD).run_out
    assert (gone.chance, gone.early, gone.on, gone.late) == (1, today, today, today)
    never = foretell(days, limit=10_000 * USD).run_out
    assert (never.chance, never.early, never.on, never.late) == (0, None, None, None)


def test_a_budget_without_an_end_is_looked_at_for_three_months() -> None:
    found = foretell([USD] * 30, left=None, spent=100 * USD, limit=150 * USD)
    assert len(found.path) == 91
    assert found.run_out.on is not None
    assert 47 <= (found.run_out.on - MONDAY).days - 30 <= 52


@pytest.mark.parametrize(
    ("days", "known", "spending"),
    [([], 0, 0), ([0] * 90, 0, 0), ([USD] * 9, 9, 9), ([None] * 30 + [USD] * 9, 9, 9),
     ([0] * 90 + [USD] * 3, 3, 3), ([USD] + [0] * 50, 51, 1)],
)  # fmt: skip
def test_too_little_is_said(days: list[int | None], known: int, spending: int) -> None:
    found = forecast(History(MONDAY, days), days_left=5, spent_nanos=0, limit_nanos=USD)
    assert found == TooLittle(days=known, spending_days=spending)


amounts = st.one_of(st.none(), st.just(0), st.integers(0, 10**4), st.integers(0, 10**15))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(amounts, min_size=10, max_size=80),
    st.integers(0, 31),
    st.integers(0, 10**16),
    st.floats(0, 1),
)
def test_whatever_was_spent_the_answer_makes_sense(
    days: list[int | None], left: int, spent: int, fraction: float
) -> None:
    found = forecast(
        History(MONDAY, days),
        days_left=left,
        spent_nanos=spent,
        limit_nanos=10**16,
        today_fraction=fraction,
        paths=40,
    )
    if isinstance(found, TooLittle):
        assert found.days < 10 or found.spending_days < 4 or not all(days)
        return
    assert len(found.path) == left + 1
    for band in found.path:
        assert spent <= band.low_nanos <= band.expected_nanos <= band.high_nanos
    for one, next_one in pairwise(found.path):
        assert next_one.day - one.day == timedelta(days=1)
        assert one.low_nanos <= next_one.low_nanos
        assert one.expected_nanos <= next_one.expected_nanos
        assert one.high_nanos <= next_one.high_nanos
    assert 0 <= found.run_out.chance <= 1
    assert all(said.endswith(".") for said in found.grounds.sentences())


@pytest.mark.parametrize(
    ("days", "later"), [([1, -1], None), ([1, 2], [1]), ([1, 2], [2, 2]), ([1, 2], [0, -1])]
)
def test_a_history_that_cannot_be_is_refused(days: list[int], later: list[int] | None) -> None:
    with pytest.raises(ValueError, match=r"cost|later"):
        History(MONDAY, days, later)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"days_left": -1}, "days_left"),
        ({"days_left": 367}, "days_left"),
        ({"spent_nanos": -1}, "amounts"),
        ({"limit_nanos": -1}, "amounts"),
        ({"today_nanos": -1}, "amounts"),
        ({"today_fraction": 1.5}, "today_fraction"),
    ],
)
def test_a_question_that_cannot_be_is_refused(wrong: dict[str, float], named: str) -> None:
    question = {"days_left": 5, "spent_nanos": 0, "limit_nanos": USD, **wrong}
    with pytest.raises(ValueError, match=named):
        forecast(History(MONDAY, [USD] * 20), **question)  # type: ignore[arg-type]

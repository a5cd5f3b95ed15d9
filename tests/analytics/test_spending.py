"""Numbers equal the journal to the nano-dollar, for one's own calls, on one's own days."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models import Sum

from router_app.analytics import spending
from router_app.analytics.ranges import Range, RangeKey, Step
from router_app.analytics.scope import Scope
from router_app.models import Call, LanguageModel, LedgerEntry, User
from tests import factories as make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 15, 10, 30, tzinfo=UTC)


@pytest.fixture
def alice() -> User:
    return make.make_user("alice", time_zone="Europe/Berlin")


@pytest.fixture
def models() -> list[LanguageModel]:
    return list(make.make_catalogue().values())


def span_of(user: User, key: RangeKey = RangeKey.ALL) -> Range:
    return spending.range_for(Scope.own(user), key, now=NOW)


def test_without_calls_everything_is_nothing(alice: User) -> None:
    for key in (RangeKey.TODAY, RangeKey.WEEK, RangeKey.DAYS_30, RangeKey.MONTH, RangeKey.ALL):
        found = spending.overview(Scope.own(alice), span_of(alice, key), now=NOW)
        assert found.totals == spending.Totals()
        assert found.totals.average_cost_nanos == 0
        assert found.models == found.tasks == ()
        assert set(found.course.bucket_totals_nanos) == {0}


def test_sums_equal_the_journal_to_the_nano(alice: User, models: list[LanguageModel]) -> None:
    # Every way a call can end, odd amounts, an overage, a failed attempt before an answer,
    # and corrections up and down.
    budgets = [make.make_budget(alice, 10**15, name=name) for name in ("day", "month")]
    windows = [make.make_window(budget) for budget in budgets]
    for number, outcome in enumerate(Call.Outcome.values):
        make.make_call(
            alice, models[number % 4], outcome=outcome, windows=windows,
            at=NOW - timedelta(hours=5 * number), cost_nanos=1_000_003 * number + 7,
            reserved_nanos=1_000_000 * number + 5,
        )  # fmt: skip
    make.make_call(alice, models[0], outcome="failed", sent=False, windows=windows, at=NOW)
    first = make.make_call(alice, models[1], outcome="failed", windows=windows, at=NOW)
    make.make_call(alice, models[2], decision=first.decision, windows=windows, at=NOW)
    dear = make.make_call(alice, models[3], windows=windows, cost_nanos=2**40 + 1, at=NOW,
                          reserved_nanos=2**41)  # fmt: skip
    make.correct_call(dear, -333, windows)
    make.correct_call(first, +11, windows)

    booked = LedgerEntry.objects.filter(window=windows[0]).aggregate(
        spent=Sum("spent_delta_nanos"), over=Sum("overage_delta_nanos")
    )
    expected = booked["spent"] + booked["over"]
    found = spending.overview(Scope.own(alice), span_of(alice), now=NOW)
    assert found.totals.cost_nanos == expected
    assert sum(share.totals.cost_nanos for share in found.models) == expected
    assert sum(share.totals.cost_nanos for share in found.tasks) == expected
    assert sum(found.course.bucket_totals_nanos) == expected
    assert spending.stats(Scope.own(alice), span_of(alice)).totals.cost_nanos == expected
    assert spending.totals(Scope.own(alice), span_of(alice)) == found.totals


def test_sums_of_amounts_that_floats_cannot_hold(alice: User) -> None:
    model = make.make_model()
    for amount in (2**53 + 1, 1, 1):
        make.make_call(alice, model, cost_nanos=amount, reserved_nanos=amount, at=NOW)
    assert spending.totals(Scope.own(alice), span_of(alice)).cost_nanos == 2**53 + 3


class TestRequests:
    def test_are_decisions_with_a_call_that_was_sent(self, alice: User) -> None:
        make.make_call(alice, at=NOW)
        make.make_call(alice, outcome="running", at=NOW)
        make.make_call(alice, outcome="running", sent=False, at=NOW)
        make.make_call(alice, outcome="failed", sent=False, at=NOW)
        make.make_decision(alice, at=NOW)
        assert spending.totals(Scope.own(alice), span_of(alice)).requests == 2

    def test_count_once_for_the_model_that_was_asked_last(
        self, alice: User, models: list[LanguageModel]
    ) -> None:
        failed = make.make_call(alice, models[0], outcome="failed", at=NOW)
        make.make_call(alice, models[1], decision=failed.decision, at=NOW)
        make.make_call(
            alice, models[2], decision=failed.decision, outcome="failed", sent=False, at=NOW
        )
        found = spending.stats(Scope.own(alice), span_of(alice))
        assert found.totals.requests == 1
        assert found.model_usage == {models[1].model_id: 1}

    def test_that_go_on_after_midnight_count_on_the_day_they_ended(
        self, alice: User, models: list[LanguageModel]
    ) -> None:
        midnight = datetime(2026, 11, 14, 23, 0, tzinfo=UTC)
        first = make.make_call(
            alice, models[0], outcome="presumed", cost_nanos=7, at=midnight - timedelta(seconds=1)
        )
        make.make_call(alice, models[1], decision=first.decision, cost_nanos=5, at=midnight)

        def of(day: int) -> spending.Totals:
            one = date(2026, 11, day)
            span = spending.range_for(
                Scope.own(alice), RangeKey.CUSTOM, first=one, last=one, now=NOW
            )
            return spending.totals(Scope.own(alice), span)

        assert (of(14).requests, of(14).cost_nanos) == (0, 7)
        assert (of(15).requests, of(15).cost_nanos) == (1, 5)
        assert spending.totals(Scope.own(alice), span_of(alice)).requests == 1

    def test_average_rounds_to_the_nano(self, alice: User) -> None:
        for cost in (1, 1, 0):
            make.make_call(alice, cost_nanos=cost, at=NOW)
        assert spending.stats(Scope.own(alice), span_of(alice)).totals.average_cost_nanos == 1

    def test_two_providers_with_one_model_id_count_together(self, alice: User) -> None:
        for slug in ("groq", "demo"):
            model = make.make_model("openai/gpt-oss-20b", provider=make.make_provider(slug))
            make.make_call(alice, model, at=NOW)
        assert spending.stats(Scope.own(alice), span_of(alice)).model_usage == {
            "openai/gpt-oss-20b": 2
        }
        assert len(spending.model_share(Scope.own(alice), span_of(alice))) == 2


class TestShares:
    def test_the_dearest_comes_first(self, alice: User, models: list[LanguageModel]) -> None:
        make.make_call(alice, models[0], cost_nanos=5, at=NOW)
        make.make_call(alice, models[1], cost_nanos=9, at=NOW)
        make.make_call(alice, models[2], cost_nanos=5, at=NOW)
        make.make_call(alice, models[2], cost_nanos=0, at=NOW)
        names = [share.name for share in spending.model_share(Scope.own(alice), span_of(alice))]
        assert names == [models[1].name, models[2].name, models[0].name]

    def test_tasks(self, alice: User) -> None:
        for task in ("code", "code", "email"):
            make.make_call(alice, decision=make.make_decision(alice, task_type=task), at=NOW)
        found = spending.overview(Scope.own(alice), span_of(alice)).tasks
        assert [(s.name, s.totals.requests, s.totals.tokens) for s in found] == [
            ("code", 2, 480), ("email", 1, 240),
        ]  # fmt: skip


class TestTheCourse:
    def test_a_call_belongs_to_the_day_of_its_owner(self, alice: User) -> None:
        # 25 October 2026 has 25 hours in Berlin: from 24th 22:00 to 25th 23:00 UTC.
        for at, cost in (
            (datetime(2026, 10, 24, 21, 59, 59, 999_999, tzinfo=UTC), 1),
            (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), 10),
            (datetime(2026, 10, 25, 22, 59, 59, 999_999, tzinfo=UTC), 100),
            (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), 1000),
        ):
            make.make_call(alice, cost_nanos=cost, at=at)
        span = spending.range_for(
            Scope.own(alice),
            RangeKey.CUSTOM,
            first=date(2026, 10, 23),
            last=date(2026, 10, 26),
            now=NOW,
        )
        course = spending.overview(Scope.own(alice), span).course
        assert course.bucket_totals_nanos == (0, 1, 110, 1000)

    def test_days_without_calls_are_there_with_zeros(
        self, alice: User, models: list[LanguageModel]
    ) -> None:
        make.make_call(alice, models[0], cost_nanos=4, at=NOW)
        make.make_call(alice, models[1], cost_nanos=3, at=NOW - timedelta(days=2))
        course = spending.overview(Scope.own(alice), span_of(alice, RangeKey.WEEK)).course
        assert [share.name for share in course.models] == [models[0].name, models[1].name]
        assert course.cost_nanos == ((0, 0, 0, 0, 0, 0, 4), (0, 0, 0, 0, 3, 0, 0))
        assert course.bucket_totals_nanos == (0, 0, 0, 0, 3, 0, 4)

    def test_of_one_day_goes_by_hours(self, alice: User) -> None:
        make.make_call(alice, cost_nanos=4, at=NOW)
        span = span_of(alice, RangeKey.TODAY)
        course = spending.overview(Scope.own(alice), span).course
        assert span.step is Step.HOUR
        assert course.bucket_totals_nanos == (0,) * 11 + (4,) + (0,) * 12  # 11 o'clock in Berlin


def test_the_period_before_is_cut_at_the_same_point(alice: User) -> None:
    make.make_call(alice, cost_nanos=1, at=NOW - timedelta(days=7, minutes=1))
    make.make_call(alice, cost_nanos=10, at=NOW - timedelta(days=7, minutes=-1))
    make.make_call(alice, cost_nanos=100, at=NOW)
    found = spending.overview(Scope.own(alice), span_of(alice, RangeKey.WEEK), now=NOW)
    assert found.totals.cost_nanos == 100
    assert found.before is not None
    assert found.before.cost_nanos == 1


def test_a_stranger_sees_nothing(alice: User) -> None:
    charlie = make.make_user("charlie", time_zone="Asia/Tokyo")
    make.make_call(alice, at=NOW)
    found = spending.overview(Scope.own(charlie), span_of(charlie), now=NOW)
    assert found.totals == spending.Totals()
    assert spending.stats(Scope.own(charlie), span_of(charlie)).model_usage == {}


def test_few_queries(alice: User, models: list[LanguageModel], django_assert_num_queries) -> None:
    for day in range(40):
        make.make_call(alice, models[day % 4], at=NOW - timedelta(days=day))
    span = span_of(alice, RangeKey.DAYS_30)
    with django_assert_num_queries(3):
        spending.overview(Scope.own(alice), span, now=NOW)

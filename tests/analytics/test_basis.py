"""What a forecast is made from is what the rows say: whose calls, which days, which limit."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from router_app.analytics import days
from router_app.analytics.basis import Basis, bases_of
from router_app.analytics.ranges import start_of_day
from router_app.budgets.topups import top_up
from router_app.models import Budget, Call, Level, Membership, TopUp, User, Workspace
from tests import factories as make
from tests.factories import CENT, DOLLAR

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 15, 10, 35, tzinfo=UTC)


@pytest.fixture
def alice() -> User:
    return make.make_user("alice")


@pytest.fixture
def team(alice: User) -> Workspace:
    return make.make_team(alice, "Harbour")


def spend(
    user: User, at: datetime | str, cents: int = 1, *, team: Workspace | None = None, **fields
) -> Call:
    """A call that cost so much at that moment."""
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    of_decision = {name: fields.pop(name) for name in ("task_type", "api_key") if name in fields}
    workspace = team or user.personal_workspace
    decision = make.make_decision(user, at=at, workspace=workspace, **of_decision)
    cost = cents * CENT
    return make.make_call(
        user, decision=decision, at=at, cost_nanos=cost, reserved_nanos=cost, **fields
    )


def basis_of(budget: Budget, now: datetime = NOW, back: int = 180) -> Basis:
    return bases_of([budget], now, days=back)[budget.pk]


def days_of(basis: Basis) -> dict[str, int | None]:
    """Cents by date, of the days on which something was spent, and of those unknown."""
    history = basis.history
    found = {history.day(number).isoformat(): day for number, day in enumerate(history.days_nanos)}
    return {day: nanos and nanos // CENT for day, nanos in found.items() if nanos != 0}


class TestDays:
    def test_days_begin_at_midnight_of_the_budgets_zone(self, alice):
        for at, cents in (
            ("2026-11-09T22:59:59+00:00", 1),  # 9 November in Berlin
            ("2026-11-09T23:00:00+00:00", 2),
            ("2026-11-10T00:30:00+00:00", 4),
            ("2026-11-10T22:59:00+00:00", 8),
            ("2026-11-10T23:15:00+00:00", 16),
        ):
            spend(alice, at, cents)
        budget = make.make_budget(alice, time_zone="Europe/Berlin")

        assert days_of(basis_of(budget)) == {"2026-11-09": 1, "2026-11-10": 14, "2026-11-11": 16}

    @pytest.mark.parametrize(
        "zone",
        ["UTC", "Asia/Kathmandu", "America/Los_Angeles", "Pacific/Kiritimati", "Africa/Cairo"],
    )
    def test_every_day_is_the_sum_of_its_calls(self, alice, zone):
        for number in range(160):
            spend(alice, NOW - timedelta(minutes=397 * number + 1), number % 7 + 1)
        budget = make.make_budget(alice, time_zone=zone)

        history = basis_of(budget, back=50).history

        costs = Call.objects.values_list("created_at", "cost_nanos")
        midnights = [start_of_day(history.day(n), ZoneInfo(zone)) for n in range(51)]
        assert list(history.days_nanos) == [
            sum(cost for at, cost in costs if begins <= at < ends)
            for begins, ends in pairwise(midnights)
        ]

    def test_a_day_of_25_hours_is_one_day(self, alice):
        # On 1 November 2026 New York's clocks go back: 04:00 to 05:00 the next day, in UTC.
        for hour in range(26):
            spend(alice, datetime(2026, 11, 1, 3, 30, tzinfo=UTC) + timedelta(hours=hour))
        budget = make.make_budget(alice, time_zone="America/New_York")

        assert days_of(basis_of(budget)) == {"2026-10-31": 1, "2026-11-01": 25}

    def test_a_day_of_23_hours_is_one_day(self, alice):
        now = datetime(2026, 4, 1, 12, tzinfo=UTC)
        for hour in range(25):
            spend(alice, datetime(2026, 3, 28, 22, 30, tzinfo=UTC) + timedelta(hours=hour))
        budget = make.make_budget(alice, time_zone="Europe/Berlin")

        assert days_of(basis_of(budget, now)) == {
            "2026-03-28": 1, "2026-03-29": 23, "2026-03-30": 1
        }  # fmt: skip

    def test_today_is_apart_and_so_far(self, alice):
        spend(alice, "2026-11-14T23:59:00+00:00", 5)
        spend(alice, "2026-11-15T00:01:00+00:00", 7)
        spend(alice, "2026-11-15T10:34:00+00:00", 8)
        basis = basis_of(make.make_budget(alice))

        assert basis.history.today == date(2026, 11, 15)
        assert (days_of(basis), basis.today_nanos) == ({"2026-11-14": 5}, 15 * CENT)
        assert basis.today_fraction == pytest.approx(10.583 / 24, abs=1e-3)

    def test_past_days_are_cut_at_the_quarter_of_an_hour_that_is(self, alice):
        # 10:35 in UTC is 11:35 in Berlin now and was 12:35 in October: the wall's clock counts.
        for at in ("2026-11-14T10:29:00+00:00", "2026-11-14T10:31:00+00:00",
                   "2026-10-14T09:29:00+00:00", "2026-10-14T09:31:00+00:00"):  # fmt: skip
            spend(alice, at, 3)
        budget = make.make_budget(alice, time_zone="Europe/Berlin")

        history = basis_of(budget).history

        assert history.later_nanos is not None
        for day in (date(2026, 11, 14), date(2026, 10, 14)):
            number = history.number(day)
            assert (history.days_nanos[number], history.later_nanos[number]) == (6 * CENT, 3 * CENT)
        site = Budget.objects.create(level=Level.SITE, limit_nanos=DOLLAR)
        assert basis_of(site).history.later_nanos is None  # too many rows

    def test_a_correction_changes_the_day_that_paid(self, alice):
        call = spend(alice, "2026-11-10T12:00:00+00:00", 9)
        make.correct_call(call, -4 * CENT)
        assert days_of(basis_of(make.make_budget(alice))) == {"2026-11-10": 5}


class TestWhose:
    @pytest.fixture
    def spent(self, alice: User, team: Workspace) -> User:
        """Powers of two, so that a sum says what is in it."""
        bob = make.make_user("bob")
        Membership.objects.create(workspace=team, user=bob, role="member")
        key = make.make_key(alice, workspace=team, name="ci")
        day = "2026-11-10T12:00:00+00:00"
        small, large = make.make_model("small"), make.make_model("large")
        spend(alice, day, 1, team=team, model=small)
        spend(alice, day, 2, team=team, model=large, task_type="code")
        spend(alice, day, 4, team=team, model=small, api_key=key)
        spend(alice, day, 8, model=small)
        spend(bob, day, 16, team=team, model=large, task_type="code")
        spend(bob, day, 32, model=small)
        return bob

    @pytest.mark.parametrize(
        ("level", "narrowed", "cents"),
        [
            ("site", {}, 63),
            ("workspace", {}, 23),
            ("member", {}, 7),
            ("user", {}, 15),
            ("key", {}, 4),
            ("site", {"task_type": "code"}, 18),
            ("workspace", {"model": "small"}, 5),
            ("member", {"task_type": "code", "model": "large"}, 2),
            ("user", {"task_type": "email"}, None),
            ("key", {"model": "large"}, None),
        ],
    )
    def test_a_budget_counts_those_it_bounds(self, alice, team, spent, level, narrowed, cents):
        from router_app.models import ApiKey, LanguageModel

        whom = {
            "site": {},
            "workspace": {"workspace": team},
            "member": {"workspace": team, "user": alice},
            "user": {"user": alice},
            "key": {"api_key": ApiKey.objects.get()},
        }[level]
        if "model" in narrowed:
            narrowed["model"] = LanguageModel.objects.get(model_id=narrowed["model"])
        budget = Budget.objects.create(level=level, limit_nanos=DOLLAR, **whom, **narrowed)

        found = days_of(basis_of(budget))

        assert found == ({} if cents is None else {"2026-11-10": cents})

    def test_who_has_left_a_team_has_spent_there_all_the_same(self, alice, team, spent):
        Membership.objects.filter(user=spent).exclude(workspace__personal_of=spent).update(
            left_at=NOW
        )
        assert days_of(basis_of(make.make_budget(spent))) == {"2026-11-10": 48}

    def test_budgets_of_the_same_people_and_zone_are_read_together(
        self, alice, team, spent, monkeypatch, django_assert_max_num_queries
    ):
        for zone in ("UTC", "Europe/Berlin"):
            for task in ("", "code", "email"):
                make.make_budget(alice, time_zone=zone, task_type=task)
            for period in ("month", "total"):
                make.make_budget(
                    alice, level=Level.MEMBER, workspace=team, period=period, time_zone=zone
                )
        read = []

        def spent_by_day(bounded, calendar, narrowings):
            read.append((bounded, calendar.zone.key))
            return days.spent_by_day(bounded, calendar, narrowings)

        monkeypatch.setattr("router_app.analytics.basis.spent_by_day", spent_by_day)
        budgets = list(Budget.objects.all())
        # Windows, and on PostgreSQL also the rollup: SQLite's plain SQL is not counted.
        with django_assert_max_num_queries(2 if connection.vendor == "sqlite" else 2 + 4 * 3):
            found = bases_of(budgets, NOW, days=60)
        assert len(found) == 10
        assert len(read) == len(set(read)) == 4


class TestWindow:
    def test_spent_is_what_the_window_says_overage_and_all(self, alice):
        budget = make.make_budget(alice)
        make.make_window(
            budget, datetime(2026, 11, 1, tzinfo=UTC), ends_at=datetime(2026, 12, 1, tzinfo=UTC),
            spent_nanos=40 * CENT, overage_nanos=2 * CENT, reserved_nanos=CENT,
        )  # fmt: skip
        basis = basis_of(budget)
        assert (basis.spent_nanos, basis.limit_nanos, basis.days_left) == (
            42 * CENT,
            5 * DOLLAR,
            15,
        )

    @pytest.mark.parametrize(
        ("period", "left"), [("day", 0), ("week", 0), ("month", 15), ("total", None)]
    )
    def test_a_window_that_is_not_made_yet_ends_as_its_period_does(self, alice, period, left):
        basis = basis_of(make.make_budget(alice, period=period))  # a Sunday
        assert (basis.spent_nanos, basis.days_left) == (0, left)

    def test_a_top_up_is_in_the_limit_until_it_is_over(self, alice):
        budget = make.make_budget(alice)
        for until in (None, NOW + timedelta(days=1)):
            top_up(budget, amount_nanos=DOLLAR, reason="x", author=alice, now=NOW, until=until)

        assert basis_of(budget).limit_nanos == 7 * DOLLAR
        assert basis_of(budget, NOW + timedelta(days=2)).limit_nanos == 6 * DOLLAR

    def test_a_window_of_an_earlier_zone_ends_where_it_ends(self, alice):
        budget = make.make_budget(alice, time_zone="Asia/Tokyo")
        make.make_window(
            budget, datetime(2026, 11, 1, tzinfo=UTC), ends_at=datetime(2026, 12, 1, tzinfo=UTC)
        )
        assert basis_of(budget).days_left == 16  # until 09:00 of 1 December there


class TestExhausted:
    """Budget of 10 cents a week; weeks of November 2026 begin on the 2nd and the 9th."""

    @pytest.fixture
    def budget(self, alice: User) -> Budget:
        return make.make_budget(alice, 10 * CENT, period="week")

    def _week(self, budget: Budget, first: int, *, limit: int = 10, **spent: int):
        """A week's window with what was spent by day of the month, in cents."""
        starts_at = datetime(2026, 11, first, tzinfo=UTC)
        window = make.make_window(
            budget, starts_at, ends_at=starts_at + timedelta(days=7), limit_nanos=limit * CENT,
            peak_limit_nanos=15 * CENT,
        )  # fmt: skip
        for day, cents in spent.items():
            at = datetime(2026, 11, int(day.removeprefix("day")), 9, tzinfo=UTC)
            spend(budget.user, at, cents, windows=[window])
        return window

    def test_days_from_which_on_nothing_was_free_are_unknown_to_the_windows_end(self, budget):
        self._week(budget, 2, day2=4, day4=6)
        self._week(budget, 9, day9=4, day10=1)

        assert days_of(basis_of(budget)) == {
            "2026-11-02": 4, "2026-11-04": None, "2026-11-05": None, "2026-11-06": None,
            "2026-11-07": None, "2026-11-08": None, "2026-11-09": 4, "2026-11-10": 1,
        }  # fmt: skip

    def test_so_are_those_of_the_running_window(self, budget):
        self._week(budget, 9, day9=4, day13=6)
        found = days_of(basis_of(budget))
        assert found == {"2026-11-09": 4, "2026-11-13": None, "2026-11-14": None}

    def test_what_hardly_leaves_room_for_a_request_has_run_out(self, budget):
        window = self._week(budget, 2, day2=4)
        spend(budget.user, "2026-11-07T09:00:00+00:00", 6, windows=[window])
        make.correct_call(Call.objects.get(cost_nanos=6 * CENT), -CENT // 4, [window])
        assert basis_of(budget).history.days_nanos[-2:] == (0, 0)
        assert days_of(basis_of(budget))["2026-11-08"] is None

    def test_a_top_up_makes_the_following_days_known_again(self, budget):
        window = self._week(budget, 2, limit=15, day2=10, day5=3)
        window.topped_up_nanos = 5 * CENT
        window.save()
        TopUp.objects.create(
            window=window, amount_nanos=5 * CENT, author=budget.user, reason="x",
            created_at=datetime(2026, 11, 4, 8, tzinfo=UTC),
        )  # fmt: skip

        assert days_of(basis_of(budget)) == {
            "2026-11-02": None, "2026-11-03": None, "2026-11-05": 3
        }  # fmt: skip

    def test_a_top_up_that_ended_leaves_what_came_after_unknown(self, budget):
        window = self._week(budget, 2, day2=6, day4=6)
        TopUp.objects.create(
            window=window, amount_nanos=5 * CENT, author=budget.user, reason="x",
            created_at=datetime(2026, 11, 3, tzinfo=UTC), until=datetime(2026, 11, 6, tzinfo=UTC),
            ended_at=datetime(2026, 11, 6, tzinfo=UTC),
        )  # fmt: skip

        assert days_of(basis_of(budget)) == {
            "2026-11-02": 6, "2026-11-04": 6, "2026-11-06": None, "2026-11-07": None,
            "2026-11-08": None,
        }  # fmt: skip

    def test_a_budget_without_an_end_is_unknown_since_it_ran_out(self, alice):
        budget = make.make_budget(alice, 10 * CENT, period="total")
        window = make.make_window(budget, datetime(1970, 1, 1, tzinfo=UTC))
        for day in range(1, 11):
            spend(alice, datetime(2026, 11, day, 9, tzinfo=UTC), windows=[window])

        found = days_of(basis_of(budget))

        assert [day for day, cents in found.items() if cents is None] == [
            f"2026-11-{day}" for day in range(10, 15)
        ]
        assert len(found) == 14

    def test_times_say_nothing_on_a_day_that_was_cut_short(self, budget):
        window = self._week(budget, 9, day9=4)
        assert basis_of(budget).history.later_nanos is not None
        spend(budget.user, "2026-11-15T08:00:00+00:00", 6, windows=[window])
        assert basis_of(budget).history.later_nanos is None

"""`/budgets/<pk>/forecast/` and the line under each gauge: what they say, and to whom."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from router_app.analytics.outlooks import outlooks_of
from router_app.analytics.usage import UsageFacts, Whose, add_usage
from router_app.budgets.limits import create_budget
from router_app.models import Budget, Level
from tests.factories import CENT, DOLLAR, make_key, make_model, make_user, make_window
from tests.web.team import Team, make_team, page_of

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 16, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now(time_machine) -> None:
    cache.clear()
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def team() -> Team:
    team = make_team()
    model = make_model()
    add_usage(
        [
            UsageFacts(
                Whose(team.workspace.pk, user.pk, model.pk, "general"),
                NOW - timedelta(days=ago),
                cost_nanos=cents * CENT,
            )
            for ago in range(1, 61)
            for user, cents in ((team.alice, 50), (team.bob, 10))
        ]
    )
    return team


@pytest.fixture
def shared(team: Team) -> Budget:
    return _with_window(team, 30 * DOLLAR)


def _with_window(team: Team, limit_nanos: int, spent_nanos: int = 9 * DOLLAR) -> Budget:
    budget = create_budget(
        level=Level.WORKSPACE, workspace=team.workspace, period="month", limit_nanos=limit_nanos,
        set_by=team.alice,
    )  # fmt: skip
    make_window(
        budget,
        datetime(2026, 10, 31, 22, tzinfo=UTC),  # Cairo's midnight
        ends_at=datetime(2026, 11, 30, 22, tzinfo=UTC),
        spent_nanos=spent_nanos,
    )
    return budget


def address(budget: Budget) -> str:
    return reverse("budgets_forecast", args=[budget.pk])


class TestLine:
    def test_an_end_with_its_range(self, team, shared):
        page = page_of(team.browser(team.bob).get("/budgets/"))
        said = re.search(
            r"Likely \$1[78]\.\d\d by 30 November, 80 % between \$1\d\.\d\d and \$1\d\.\d\d\.", page
        )
        assert said
        assert address(shared) in page

    def test_a_day_on_which_it_runs_out(self, team):
        _with_window(team, 12 * DOLLAR)
        page = page_of(team.browser(team.bob).get("/budgets/"))
        assert re.search(r"Likely runs out about (Friday 20|Saturday 21) November\.", page)

    def test_nothing_is_left(self, team):
        _with_window(team, 9 * DOLLAR)
        assert "Nothing of it is left." in page_of(team.browser(team.bob).get("/budgets/"))

    def test_too_little_is_known(self, team):
        create_budget(level=Level.USER, user=team.charlie, period="month", limit_nanos=DOLLAR)
        page = page_of(team.browser(team.charlie).get("/budgets/"))
        assert "Too little data yet for a forecast." in page

    def test_it_is_remembered_until_something_is_spent_or_changed(self, team, shared, monkeypatch):
        asked = []

        def outlooks(budgets, now):
            asked.extend(budgets)
            return outlooks_of(budgets, now)

        monkeypatch.setattr("router_app.web.forecast_lines.outlooks_of", outlooks)
        client = team.browser(team.bob)
        for _ in range(2):
            assert "Likely $1" in page_of(client.get("/budgets/"))
        assert asked == [shared]

        shared.windows.update(spent_nanos=20 * DOLLAR)
        assert "Likely $2" in page_of(client.get("/budgets/"))
        shared.windows.update(limit_nanos=22 * DOLLAR)
        assert "Likely runs out about" in page_of(client.get("/budgets/"))

    def test_of_very_many_limits_the_first_are_forecast(self, team, shared, monkeypatch):
        monkeypatch.setattr("router_app.web.forecast_lines.MOST_FORECASTS", 1)
        create_budget(level=Level.SITE, period="total", limit_nanos=DOLLAR)
        page = page_of(team.browser(team.bob).get("/budgets/"))
        assert page.count("Likely ") == 1
        assert page.count("Its forecast has a page of its own.") == 1

    def test_an_admin_sees_it_under_the_limits_of_a_member(self, team):
        create_budget(
            level=Level.MEMBER, workspace=team.workspace, user=team.bob, period="month",
            limit_nanos=DOLLAR, set_by=team.alice,
        )  # fmt: skip
        url = reverse("budgets_member", args=[team.place_of(team.bob).pk])
        assert "Likely runs out" in page_of(team.browser(team.alice).get(url))


class TestPage:
    def test_it_says_end_range_pace_and_how_good_forecasts_were(self, team, shared):
        page = page_of(team.browser(team.bob).get(address(shared)))

        for said in (
            "Likely by 30 November", "80 % between $1", "Not before it resets", "$0.60",
            "of the last", "ended within the range that would have been forecast",
            "No weekday stands out.", "Neither growing nor falling.",
        ):  # fmt: skip
            assert said in page

    def test_the_drawing_is_words_and_a_table_too_and_has_no_styles(self, team, shared):
        page = page_of(team.browser(team.bob).get(address(shared)))

        label = re.search(r'class="forecast-chart" role="img" aria-label="([^"]+)"', page)
        assert label
        assert "$9.00 spent so far; likely $1" in label[1]
        assert "the limit is $30.00" in label[1]
        assert page.count('<th scope="row">Mon ') == 5  # 2, 9, 16, 23 and 30 November
        assert "style=" not in page.partition("<main")[2]
        points = re.findall(r'points="([^"]+)"', page)
        assert len(points) == 3
        numbers = [float(each) for point in points for each in re.split("[ ,]", point)]
        assert all(0 <= number <= 1000 for number in numbers)

    def test_spending_before_today_adds_up_to_what_the_window_says(self, team, shared):
        page = page_of(team.browser(team.bob).get(address(shared)))
        row = re.search(r"Sun 15 Nov</th><td[^>]*>(<span.*?</span>)", page)
        assert row
        assert "$9.00" in row[1]

    def test_a_limit_that_is_reached_is_said_with_its_day(self, team):
        budget = _with_window(team, 12 * DOLLAR)
        page = page_of(team.browser(team.bob).get(address(budget)))
        assert re.search(r"(Friday 20|Saturday 21) November</dd>", page)

    def test_a_limit_far_above_is_not_drawn_and_that_is_said(self, team):
        budget = _with_window(team, 500 * DOLLAR)
        page = page_of(team.browser(team.bob).get(address(budget)))
        assert "above this picture" in page
        assert "forecast-limit" not in page

    def test_too_little_is_said_with_what_is_needed(self, team):
        budget = create_budget(
            level=Level.USER, user=team.charlie, period="month", limit_nanos=DOLLAR
        )
        page = page_of(team.browser(team.charlie).get(address(budget)))
        assert "Too little data yet" in page
        assert "so far there are 0 days, 0 with spending" in page

    @pytest.mark.parametrize("period", ["day", "week", "month", "total"])
    @pytest.mark.parametrize("limit_nanos", [0, 30 * DOLLAR])
    def test_it_opens_before_there_is_a_window_whatever_the_period(self, team, period, limit_nanos):
        budget = create_budget(
            level=Level.WORKSPACE, workspace=team.workspace, period=period,
            limit_nanos=limit_nanos,
        )  # fmt: skip
        for url in (address(budget), "/budgets/"):
            assert team.browser(team.bob).get(url).status_code == 200

    def test_names_are_escaped(self, team, shared):
        Budget.objects.update(name="<script>alert(1)</script>")
        for url in (address(shared), "/budgets/"):
            assert "<script>alert" not in page_of(team.browser(team.bob).get(url))


class TestWho:
    def statuses(self, team: Team, budget: Budget) -> dict[str, int]:
        people = (team.alice, team.bob, team.vera, team.charlie)
        return {str(p): team.browser(p).get(address(budget)).status_code for p in people}

    def test_a_workspaces_is_for_its_people_viewers_too(self, team, shared):
        assert self.statuses(team, shared) == {
            "alice": 200, "bob": 200, "vera": 200, "charlie": 404
        }  # fmt: skip

    def test_it_says_what_all_spend_together_and_not_who(self, team, shared):
        page = page_of(team.browser(team.vera).get(address(shared)))
        main = page.partition("<main")[2]
        assert "$0.60" in main
        for part in ("$0.50", "$0.10", "alice", "bob"):
            assert part not in main

    def test_a_members_is_for_them_and_for_admins(self, team):
        budget = create_budget(
            level=Level.MEMBER, workspace=team.workspace, user=team.bob, period="month",
            limit_nanos=DOLLAR, set_by=team.alice,
        )  # fmt: skip
        assert self.statuses(team, budget) == {
            "alice": 200, "bob": 200, "vera": 404, "charlie": 404
        }  # fmt: skip

    def test_a_keys_is_for_its_owner_and_for_admins(self, team):
        key = make_key(team.bob, workspace=team.workspace)
        budget = create_budget(level=Level.KEY, api_key=key, period="day", limit_nanos=DOLLAR)
        assert self.statuses(team, budget) == {
            "alice": 200, "bob": 200, "vera": 404, "charlie": 404
        }  # fmt: skip

    def test_a_persons_own_is_for_them_alone(self, team):
        budget = create_budget(level=Level.USER, user=team.bob, period="month", limit_nanos=DOLLAR)
        assert self.statuses(team, budget) == {
            "alice": 404, "bob": 200, "vera": 404, "charlie": 404
        }  # fmt: skip

    def test_the_sites_is_for_everybody_it_bounds(self, team):
        budget = create_budget(level=Level.SITE, period="day", limit_nanos=DOLLAR)
        assert set(self.statuses(team, budget).values()) == {200}

    def test_a_closed_limit_has_none(self, team, shared):
        Budget.objects.update(is_active=False)
        assert set(self.statuses(team, shared).values()) == {404}

    def test_another_teams_is_not_found_by_its_admin(self, team, shared):
        eve = make_user("eve")
        assert team.browser(eve).get(address(shared)).status_code == 404
        assert team.browser(team.bob).get("/budgets/999999/forecast/").status_code == 404

"""`/budgets/` in a team: what bounds one, in plain words, and who changes which limit there."""

import pytest
from django.urls import reverse

from router_app.budgets.limits import create_budget, create_starting_budget
from router_app.models import Budget, Level, TopUp, Window
from tests.factories import CENT, DOLLAR, make_key, make_model, make_user, make_window
from tests.web.team import Team, make_team, page_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return make_team()


@pytest.fixture
def shared(team: Team) -> Budget:
    return create_budget(
        level=Level.WORKSPACE,
        workspace=team.workspace,
        period="month",
        limit_nanos=20 * DOLLAR,
        set_by=team.alice,
    )


def test_everything_that_bounds_one_is_grouped_by_whom_else_it_bounds(team, shared):
    key = make_key(team.bob, name="ci", workspace=team.workspace)
    create_budget(level=Level.SITE, period="day", limit_nanos=50 * DOLLAR)
    create_budget(
        level=Level.MEMBER, workspace=team.workspace, user=team.bob, period="day",
        limit_nanos=DOLLAR, set_by=team.alice,
    )  # fmt: skip
    create_budget(level=Level.KEY, api_key=key, period="day", limit_nanos=CENT, set_by=team.bob)
    create_starting_budget(team.bob)
    make_window(shared, spent_nanos=125 * CENT, reserved_nanos=25 * CENT)

    page = page_of(team.browser(team.bob).get("/budgets/"))

    titles = ["Everybody on this site", "Everybody in Alpha", "You in Alpha",
              "You, wherever you ask", "Your keys"]  # fmt: skip
    places = [page.index(f">{title}</h2>") for title in titles]
    assert places == sorted(places)
    for said in ("$1.25", "$0.25", "$18.50", "Set by alice", "Set by you", "Daily limit of this"):
        assert said in page
    assert f'href="{reverse("budgets_edit", args=[shared.pk])}"' not in page
    assert reverse("budgets_members") not in page


def test_another_members_limits_are_not_shown(team):
    create_budget(
        level=Level.MEMBER, workspace=team.workspace, user=team.alice, period="day",
        limit_nanos=DOLLAR, name="Only for Alice",
    )  # fmt: skip
    make_team_key = make_key(team.alice, workspace=team.workspace)
    create_budget(
        level=Level.KEY, api_key=make_team_key, period="day", limit_nanos=1, name="Her key's"
    )
    page = page_of(team.browser(team.bob).get("/budgets/"))
    assert "Only for Alice" not in page
    assert "Her key" not in page


def test_an_admin_sets_changes_and_closes_a_limit_of_the_team(team):
    client, model = team.browser(team.alice), make_model(name="GPT-OSS 20B")
    new = {"whom": "workspace", "period": "week", "task_type": "all", "model": model.pk,
           "limit": "150"}  # fmt: skip

    page = page_of(client.post("/budgets/", new, follow=True))

    assert f"Weekly limit of Alpha on {model} of $150.00 is in force." in page
    budget = Budget.objects.get(level="workspace")
    assert (budget.workspace, budget.set_by) == (team.workspace, team.alice)
    url = reverse("budgets_edit", args=[budget.pk])
    page = page_of(client.post(url, {"limit": "200"}, follow=True))
    assert "is $200.00 now, also for the running period." in page
    client.post(reverse("budgets_close", args=[budget.pk]))
    assert not Budget.objects.get(pk=budget.pk).is_active


@pytest.mark.parametrize("whom", ["workspace", "site", "member", "key-1", "nonsense"])
def test_members_are_not_offered_what_is_not_theirs_and_cannot_send_it(team, whom):
    make_key(team.alice, workspace=team.workspace)
    new = {"whom": whom, "period": "day", "task_type": "all", "limit": "1"}
    response = team.browser(team.bob).post("/budgets/", new)
    assert "Select a valid choice" in page_of(response)
    assert not Budget.objects.exists()


def test_a_key_of_ones_own_gets_a_limit(team):
    key = make_key(team.bob, name="ci", workspace=team.workspace)
    new = {"whom": f"key-{key.pk}", "period": "day", "task_type": "all", "limit": "1"}
    page = page_of(team.browser(team.bob).post("/budgets/", new, follow=True))
    assert "Daily limit of the key ci of $1.00 is in force." in page


def test_an_operator_sets_a_limit_of_the_site(client):
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    new = {"whom": "site", "period": "day", "task_type": "all", "limit": "1000"}
    assert "Daily limit of this site" in page_of(client.post("/budgets/", new, follow=True))
    assert Budget.objects.get().level == "site"


@pytest.mark.parametrize("name", ["budgets_edit", "budgets_topup", "budgets_close"])
def test_who_may_not_change_it_cannot(team, shared, name):
    url = reverse(name, args=[shared.pk])
    sent = {"limit": "1", "amount": "1", "reason": "x"}
    for person, status in ((team.bob, 403), (team.vera, 403), (team.charlie, 404)):
        assert team.browser(person).post(url, sent).status_code == status
    budget = Budget.objects.get(pk=shared.pk)
    assert (budget.limit_nanos, budget.is_active) == (20 * DOLLAR, True)
    assert not TopUp.objects.exists()


def test_an_admin_of_another_team_finds_nothing(team, shared):
    team.workspace.name = "Beta"
    elsewhere = make_user("eve")
    client = team.browser(elsewhere)
    assert client.get(reverse("budgets_edit", args=[shared.pk])).status_code == 404
    assert "Monthly limit of Alpha" not in page_of(client.get("/budgets/"))


class TestToppingUp:
    def test_the_period_has_more_with_who_and_why_and_the_limit_is_as_it_was(self, team, shared):
        client, url = team.browser(team.alice), reverse("budgets_topup", args=[shared.pk])

        page = page_of(client.post(url, {"amount": "5", "reason": "the demo"}, follow=True))

        assert "$5.00 more for Monthly limit of Alpha: $25.00 is free now." in page
        for said in ("the demo", "alice", "the period ends"):
            assert said in page
        assert Window.objects.get().limit_nanos == 25 * DOLLAR
        assert Budget.objects.get(pk=shared.pk).limit_nanos == 20 * DOLLAR
        assert "$5.00</span> of it is topped up" in page_of(client.get("/budgets/"))

    def test_it_may_end_on_a_day_at_the_teams_midnight(self, team, shared, time_machine):
        time_machine.move_to("2026-11-10T12:00:00Z")
        url = reverse("budgets_topup", args=[shared.pk])
        sent = {"amount": "5", "reason": "the demo", "until": "2026-11-12"}
        team.browser(team.alice).post(url, sent)
        assert TopUp.objects.get().until.isoformat() == "2026-11-12T22:00:00+00:00"

    def test_sending_the_form_twice_tops_up_once(self, team, shared):
        client, url = team.browser(team.alice), reverse("budgets_topup", args=[shared.pk])
        sent = {"amount": "5", "reason": "the demo", "form_id": "abc"}
        client.post(url, sent)
        assert "made already" in page_of(client.post(url, sent, follow=True))
        assert TopUp.objects.count() == 1

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"amount": "0"}, "smallest amount"),
            ({"amount": "1000001"}, "highest amount"),
            ({"reason": " "}, "This field is required."),
            ({"until": "2020-01-01"}, "That day is over."),
            ({"until": "9999-12-31"}, "too far away"),
            ({"amount": "1000000"}, "at most $1,000,000"),
        ],
    )
    def test_what_is_wrong_is_said(self, team, shared, wrong, said):
        url = reverse("budgets_topup", args=[shared.pk])
        sent = {"amount": "5", "reason": "the demo", **wrong}
        assert said in page_of(team.browser(team.alice).post(url, sent))
        assert not TopUp.objects.exists()

"""The bell, what it tells, the webhooks, and at what percent a limit speaks up."""

import pytest
from django.test import Client
from django.utils import timezone

from router_app.alerts.hooks import make_webhook, webhooks_in
from router_app.alerts.spreading import spread_pending
from router_app.budgets.limits import create_budget
from router_app.budgets.thresholds import note_reached
from router_app.models import Budget, Delivery, Level, Notice, User
from router_app.workspaces.members import remove_member
from tests.factories import DOLLAR, make_notice, make_team, make_user, make_window
from tests.web.chatting import page

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _signed_in(client: Client, alice: User) -> None:
    client.force_login(alice)


def test_the_bell_counts_what_is_unread(client: Client, alice: User) -> None:
    assert "unread" not in page(client.get("/budgets/"))
    make_notice(alice)
    make_notice(alice)
    make_notice(make_user())

    assert "Alerts: 2 unread" in page(client.get("/budgets/"))
    assert "Alerts: 2 unread" in page(client.get("/alerts/bell/"))


def test_alerts_are_listed_and_read(client: Client, alice: User) -> None:
    make_notice(alice, "First <b>")
    newest = make_notice(alice, "Second")
    shown = page(client.get("/alerts/"))
    assert shown.index("Second") < shown.index("First &lt;b&gt;")
    assert Notice.objects.filter(read_at=None).count() == 2, "looking at them is not reading them"

    came_since = make_notice(alice, "Third")
    client.post("/alerts/read/", {"newest": newest.pk})
    assert list(Notice.objects.filter(read_at=None)) == [came_since]
    assert client.post("/alerts/read/", {"newest": "9" * 40}).status_code == 302


def test_one_leads_to_what_it_is_about(client: Client, alice: User) -> None:
    notice = make_notice(alice)
    response = client.post(f"/alerts/{notice.pk}/")

    assert response["Location"] == "/budgets/"
    notice.refresh_from_db()
    assert notice.read_at


def test_a_teams_alert_leads_to_its_limit_in_the_team(client: Client, alice: User) -> None:
    team = make_team(alice)
    budget = create_budget(
        level=Level.WORKSPACE, workspace=team, period="month", limit_nanos=DOLLAR
    )
    note_reached([make_window(budget, spent_nanos=DOLLAR).pk], now=timezone.now())
    spread_pending()
    assert client.get(f"/budgets/{budget.pk}/forecast/").status_code == 404, "she is at home"

    response = client.post(f"/alerts/{Notice.objects.get().pk}/", follow=True)

    assert response.request["PATH_INFO"] == f"/budgets/{budget.pk}/forecast/"
    assert "Monthly limit of Harbour" in page(response)


def test_what_a_team_told_goes_with_its_member(client: Client, alice: User) -> None:
    ann = make_user("ann")
    team = make_team(ann, admin=[alice])
    budget = create_budget(
        level=Level.WORKSPACE, workspace=team, period="month", limit_nanos=DOLLAR
    )
    note_reached([make_window(budget, spent_nanos=DOLLAR).pk], now=timezone.now())
    spread_pending()
    assert "Monthly limit of Harbour" in page(client.get("/alerts/"))

    remove_member(team.memberships.get(user=alice), by=ann)

    assert "Harbour" not in page(client.get("/alerts/"))
    notice = Notice.objects.get(user=alice)
    assert client.post(f"/alerts/{notice.pk}/").status_code == 404
    assert "unread" not in page(client.get("/budgets/"))


def test_nothing_to_tell(client: Client) -> None:
    assert "Nothing to tell" in page(client.get("/alerts/"))


@pytest.mark.parametrize(
    ("typed", "saved"),
    [("50", [50]), ("90 , 80;100%", [80, 90, 100]), ("", []), ("80 80", [80])],
)
def test_at_what_percent_a_limit_speaks_up(
    typed: str, saved: list[int], client: Client, alice: User
) -> None:
    budget = Budget.objects.get(user=alice)
    assert 'value="80, 90, 100"' in page(client.get(f"/budgets/{budget.pk}/"))
    client.post(f"/budgets/{budget.pk}/", {"limit": "5", "alerts": typed})

    budget.refresh_from_db()
    assert budget.alert_percents == saved


@pytest.mark.parametrize("typed", ["0", "101", "abc", "-5", "1 2 3 4 5 6", "80.5", "8" * 30])
def test_what_is_no_percent(typed: str, client: Client, alice: User) -> None:
    budget = Budget.objects.get(user=alice)
    response = client.post(f"/budgets/{budget.pk}/", {"limit": "7", "alerts": typed})

    assert response.status_code == 200
    assert typed in page(response), "what was typed stays"
    budget.refresh_from_db()
    assert budget.alert_percents == [80, 90, 100]
    assert budget.limit_nanos == 5 * 10**9, "all or nothing"


def test_a_limit_changed_without_a_word_about_alerts_keeps_them(
    client: Client, alice: User
) -> None:
    budget = Budget.objects.get(user=alice)
    client.post(f"/budgets/{budget.pk}/", {"limit": "7"})

    budget.refresh_from_db()
    assert (budget.limit_nanos, budget.alert_percents) == (7 * 10**9, [80, 90, 100])


def test_a_webhook_from_beginning_to_end(client: Client, alice: User) -> None:
    own = alice.personal_workspace
    address = f"/workspaces/{own.pk}/webhooks/"
    shown = page(client.post(address, {"url": "https://hooks.example.com/path?secret=1"}))
    made = webhooks_in(own).get()
    assert made.secret in shown

    shown = page(client.get(address))
    assert "https://hooks.example.com…" in shown
    assert made.secret not in shown and "secret=1" not in shown

    client.post(f"{address}{made.pk}/test/")
    Delivery.objects.create(alert=_test_of(made), webhook=made, outcome="<i>It went</i>")
    assert "&lt;i&gt;It went&lt;/i&gt;" in page(client.get(address))

    client.post(f"{address}{made.pk}/remove/")
    assert not webhooks_in(own).exists()


def _test_of(webhook):
    from router_app.models import Alert

    return Alert.objects.get(facts__webhook=webhook.pk)


def test_a_refused_address_is_explained_and_stays(client: Client, alice: User) -> None:
    address = f"/workspaces/{alice.personal_workspace.pk}/webhooks/"
    shown = page(client.post(address, {"url": "http://10.0.0.1/x"}))

    assert "http://10.0.0.1/x" in shown
    assert "field-invalid" in shown
    assert not webhooks_in(alice.personal_workspace).exists()


def test_another_workspaces_webhook_is_not_found(client: Client, alice: User) -> None:
    ann = make_user("ann")
    theirs = make_webhook(make_team(ann), url="https://hooks.example.com/", by=ann)
    own = alice.personal_workspace.pk

    assert client.post(f"/workspaces/{own}/webhooks/{theirs.pk}/remove/").status_code == 404
    assert client.post(f"/workspaces/{own}/webhooks/{theirs.pk}/test/").status_code == 404

"""Who is told of what, and that each is told once."""

import pytest
from django.utils import timezone

from router_app.alerts import spreading
from router_app.alerts.hooks import end_webhook, make_webhook
from router_app.alerts.spreading import spread_pending
from router_app.alerts.words import Told
from router_app.budgets.limits import create_budget, set_limit
from router_app.budgets.thresholds import note_reached
from router_app.models import Alert, Budget, Delivery, Level, Membership, Notice, User, Workspace
from router_app.workspaces.members import remove_member
from tests.factories import DOLLAR, make_key, make_team, make_user, make_window

pytestmark = pytest.mark.django_db

HOOK = "https://hooks.example.com/in"


@pytest.fixture
def ann() -> User:
    return make_user("ann")


@pytest.fixture
def ben() -> User:
    return make_user("ben")


@pytest.fixture
def team(ann: User, ben: User) -> Workspace:
    make_user("root", is_superuser=True, is_staff=True)
    make_user("charlie")
    return make_team(ann, viewer=[make_user("vera")], member=[ben])


def nearly_spent(percent: int = 85, **whom: object) -> Budget:
    """A limit of which so much is spent, and the alerts of that."""
    budget = create_budget(period="month", limit_nanos=DOLLAR, **whom)  # type: ignore[arg-type]
    window = make_window(budget, spent_nanos=DOLLAR * percent // 100)
    note_reached([window.pk], now=timezone.now())
    return budget


def told() -> dict[str, list[str]]:
    """Titles by who was told."""
    found: dict[str, list[str]] = {}
    for notice in Notice.objects.order_by("pk").select_related("user"):
        found.setdefault(notice.user.username, []).append(notice.title)
    return found


def test_a_teams_limit(team: Workspace) -> None:
    nearly_spent(level=Level.WORKSPACE, workspace=team)
    assert spread_pending() == 1

    assert told() == {"ann": ["Monthly limit of Harbour: 80 % is spent"]}


def test_a_members_limit(team: Workspace, ben: User) -> None:
    nearly_spent(level=Level.MEMBER, workspace=team, user=ben)
    spread_pending()

    assert set(told()) == {"ann", "ben"}


def test_a_persons_own_limit(team: Workspace, ben: User) -> None:
    nearly_spent(user=ben)
    spread_pending()

    assert set(told()) == {"ben"}


def test_a_keys_limit(team: Workspace, ben: User) -> None:
    nearly_spent(level=Level.KEY, api_key=make_key(ben, workspace=team))
    spread_pending()

    assert set(told()) == {"ann", "ben"}


def test_the_sites_limit(team: Workspace) -> None:
    nearly_spent(level=Level.SITE)
    spread_pending()

    assert set(told()) == {"root"}


def test_who_has_left_is_told_nothing(team: Workspace, ann: User, ben: User) -> None:
    nearly_spent(level=Level.MEMBER, workspace=team, user=ben)
    remove_member(Membership.objects.get(user=ben, workspace=team), by=ann)
    spread_pending()

    assert set(told()) == {"ann"}


def test_whose_key_it_was_is_told_nothing_once_they_have_left(
    team: Workspace, ann: User, ben: User
) -> None:
    nearly_spent(percent=50, level=Level.KEY, api_key=make_key(ben, workspace=team))
    remove_member(Membership.objects.get(user=ben, workspace=team), by=ann)
    set_limit(Budget.objects.get(level=Level.KEY), limit_nanos=DOLLAR // 2, now=timezone.now())
    spread_pending()

    assert set(told()) == {"ann"}


def test_of_several_thresholds_at_once_the_highest(team: Workspace) -> None:
    nearly_spent(percent=100, level=Level.WORKSPACE, workspace=team)
    assert spread_pending() == 3

    assert told() == {"ann": ["Monthly limit of Harbour is spent"]}
    assert not Alert.objects.filter(spread_at=None).exists()


def test_an_alert_is_spread_once(team: Workspace) -> None:
    nearly_spent(level=Level.WORKSPACE, workspace=team)
    assert spread_pending() == 1
    assert spread_pending() == 0

    assert Notice.objects.count() == 1


@pytest.mark.parametrize(
    ("set_on", "course"),
    [
        ("2026-08-01 00:00+00:00", "At this pace it runs out on Thursday 19 November."),
        # Set the day before: what was not there before is no sign of thrift.
        ("2026-11-15 00:00+00:00", "At this pace it runs out on Monday 16 November, 06:00."),
    ],
)
def test_the_text_says_the_pace(
    set_on: str, course: str, team: Workspace, ann: User, time_machine
) -> None:
    time_machine.move_to("2026-11-16 00:00+00:00", tick=False)
    budget = create_budget(
        level=Level.WORKSPACE, workspace=team, period="month", limit_nanos=DOLLAR
    )
    starts, ends = "2026-11-01 00:00+00:00", "2026-12-01 00:00+00:00"
    Budget.objects.update(created_at=timezone.datetime.fromisoformat(set_on))
    budget.refresh_from_db()
    window = make_window(
        budget,
        timezone.datetime.fromisoformat(starts),
        ends_at=timezone.datetime.fromisoformat(ends),
        spent_nanos=DOLLAR * 80 // 100,
    )
    note_reached([window.pk], now=timezone.now())
    spread_pending()

    assert Notice.objects.get().text == (
        f"$0.80 of $1.00 is spent. 50 % of the month has passed. {course}"
    )


def test_e_mail_is_for_who_wants_it(team: Workspace, ann: User) -> None:
    nearly_spent(level=Level.WORKSPACE, workspace=team)
    spread_pending()
    assert [each.user for each in Delivery.objects.all()] == [ann]

    User.objects.filter(pk=ann.pk).update(alert_emails=False)
    nearly_spent(level=Level.WORKSPACE, workspace=team)
    spread_pending()
    assert Delivery.objects.count() == 1
    assert len(told()["ann"]) == 2


def test_webhooks_are_a_workspaces_own(team: Workspace, ann: User, ben: User) -> None:
    ours = make_webhook(team, url=HOOK, by=ann)
    ended = make_webhook(team, url=HOOK, by=ann)
    end_webhook(ended, by=ann)
    bens = make_webhook(ben.personal_workspace, url=HOOK, by=ben)
    sites = make_webhook(None, url=HOOK, by=ann)

    nearly_spent(level=Level.WORKSPACE, workspace=team)
    nearly_spent(user=ben)
    nearly_spent(level=Level.SITE)
    spread_pending()

    sent = Delivery.objects.exclude(webhook=None)
    assert {each.webhook: each.alert.window.budget.level for each in sent} == {  # type: ignore[union-attr]
        ours: Level.WORKSPACE, bens: Level.USER, sites: Level.SITE,
    }  # fmt: skip


def test_one_that_cannot_be_told_keeps_no_other_from_being_told(
    team: Workspace, ben: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = nearly_spent(level=Level.WORKSPACE, workspace=team)
    nearly_spent(user=ben)
    in_words = spreading.told

    def told_or_not(alert: Alert) -> Told:
        if alert.window and alert.window.budget == broken:
            raise KeyError("Harbour")
        return in_words(alert)

    monkeypatch.setattr(spreading, "told", told_or_not)
    spread_pending()

    assert set(told()) == {"ben"}
    assert not Alert.objects.filter(spread_at=None).exists(), "nor is it tried for ever"
    assert "cannot be told (KeyError)" in caplog.text and "Harbour" not in caplog.text

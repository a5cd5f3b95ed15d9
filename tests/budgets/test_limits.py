"""Limits of every level: whom they name, in whose days, under which name, and by whom."""

import pytest
from django.utils import timezone

from router_app.budgets import limits
from router_app.budgets.permissions import NotYours
from router_app.budgets.setting import change_limit, close_limit, set_new_limit
from router_app.models import AuditEntry, Budget, Level, Membership, Role, User, Workspace
from tests.factories import DOLLAR, make_key, make_model, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return make_user("alice", time_zone="Asia/Tokyo")


@pytest.fixture
def alpha(alice: User) -> Workspace:
    team = Workspace.objects.create(name="Alpha", time_zone="Africa/Cairo")
    Membership.objects.create(workspace=team, user=alice, role=Role.ADMIN)
    return team


def _limit(level: str, **fields) -> Budget:
    fields = {"period": "month", "limit_nanos": DOLLAR, **fields}
    return limits.create_budget(level=level, **fields)


def test_names_tell_the_levels_apart_and_days_are_their_owners(alice, alpha, settings):
    key = make_key(alice, name="ci", workspace=alpha)
    model = make_model(name="GPT-OSS 20B")
    made = [
        _limit(Level.SITE),
        _limit(Level.WORKSPACE, workspace=alpha),
        _limit(Level.MEMBER, workspace=alpha, user=alice, task_type="code"),
        _limit(Level.USER, user=alice),
        _limit(Level.KEY, api_key=key, period="day", model=model),
    ]
    assert [(budget.name, budget.time_zone) for budget in made] == [
        ("Monthly limit of this site", settings.TIME_ZONE),
        ("Monthly limit of Alpha", "Africa/Cairo"),
        ("Monthly limit of alice in Alpha for code", "Africa/Cairo"),
        ("Monthly limit", "Asia/Tokyo"),
        (f"Daily limit of the key ci on {model}", "Africa/Cairo"),
    ]


def test_a_long_name_leaves_room_for_what_it_is_for(alice):
    team = Workspace.objects.create(name="A" * 80)
    name = _limit(Level.WORKSPACE, workspace=team, task_type="summarize").name
    assert name.endswith("… for summarize")
    assert len(name) <= 80


@pytest.mark.parametrize("level", Level.values)
def test_a_level_that_names_somebody_else_is_refused(level, alice, alpha):
    whom = {} if level != Level.SITE else {"user": alice}
    with pytest.raises(ValueError, match="a limit of this level names"):
        _limit(level, **whom)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER, Role.VIEWER, None])
def test_admins_set_limits_of_their_workspace_and_its_members_and_nobody_else_does(
    role, alice, alpha
):
    bob = make_user("bob")
    if role:
        Membership.objects.create(workspace=alpha, user=bob, role=role)
    for whom in ({"workspace": alpha}, {"workspace": alpha, "user": alice}):
        level = Level.MEMBER if "user" in whom else Level.WORKSPACE
        new = {"by": bob, "level": level, "period": "day", "limit_nanos": DOLLAR, **whom}
        if role == Role.ADMIN:
            assert set_new_limit(**new).set_by == bob
        else:
            with pytest.raises(NotYours):
                set_new_limit(**new)
    assert Budget.objects.count() == (2 if role == Role.ADMIN else 0)


def test_who_was_an_admin_is_none_any_more(alice, alpha):
    budget = _limit(Level.WORKSPACE, workspace=alpha)
    Membership.objects.filter(user=alice, workspace=alpha).update(left_at=timezone.now())
    with pytest.raises(NotYours):
        change_limit(budget, by=alice, limit_nanos=0, now=timezone.now())
    with pytest.raises(NotYours):
        close_limit(budget, by=alice)


def test_a_keys_owner_limits_it_and_cannot_lift_what_an_admin_set(alice, alpha):
    bob = make_user("bob")
    Membership.objects.create(workspace=alpha, user=bob)
    new = {
        "level": Level.KEY,
        "api_key": make_key(bob, workspace=alpha),
        "limit_nanos": DOLLAR,
    }
    own = set_new_limit(by=bob, period="day", **new)
    from_above = set_new_limit(by=alice, period="month", **new)

    change_limit(own, by=bob, limit_nanos=2, now=timezone.now())
    change_limit(own, by=alice, limit_nanos=1, now=timezone.now())
    change_limit(from_above, by=alice, limit_nanos=1, now=timezone.now())
    with pytest.raises(NotYours):
        change_limit(from_above, by=bob, limit_nanos=DOLLAR, now=timezone.now())
    with pytest.raises(NotYours):
        set_new_limit(by=make_user(), period="total", **new)


def test_only_operators_set_the_sites(alice):
    new = {"level": Level.SITE, "period": "day", "limit_nanos": DOLLAR}
    for person in (alice, make_user("clerk", is_staff=True)):
        with pytest.raises(NotYours):
            set_new_limit(by=person, **new)
    root = make_user("root", is_staff=True, is_superuser=True)
    assert set_new_limit(by=root, **new).set_by == root


def test_what_the_sites_administrator_set_for_a_team_its_admins_only_see(alice, alpha):
    budget = _limit(Level.WORKSPACE, workspace=alpha, set_by_administrator=True)
    with pytest.raises(NotYours):
        change_limit(budget, by=alice, limit_nanos=2 * DOLLAR, now=timezone.now())


def test_one_of_each_kind_is_enough(alice, alpha):
    new = {
        "by": alice,
        "level": Level.WORKSPACE,
        "workspace": alpha,
        "period": "day",
        "limit_nanos": DOLLAR,
    }
    set_new_limit(**new)
    with pytest.raises(NotYours, match="There is a daily limit of Alpha already"):
        set_new_limit(**new)
    set_new_limit(**new, task_type="code")
    set_new_limit(**new, model=make_model())


def test_nobody_sets_another_persons_own_limit(alice):
    root = make_user("root", is_staff=True, is_superuser=True)
    new = {"level": Level.USER, "user": alice, "period": "day", "limit_nanos": DOLLAR}
    with pytest.raises(NotYours):
        set_new_limit(by=root, **new)


def test_the_audit_trail_has_the_life_of_a_limit(alice, alpha):
    budget = set_new_limit(
        by=alice, level=Level.WORKSPACE, workspace=alpha, period="day", limit_nanos=DOLLAR
    )
    change_limit(budget, by=alice, limit_nanos=2 * DOLLAR, now=timezone.now())
    change_limit(budget, by=alice, limit_nanos=2 * DOLLAR, now=timezone.now())  # nothing changes
    close_limit(budget, by=alice)

    entries = AuditEntry.objects.filter(workspace=alpha).order_by("pk")
    assert [entry.action for entry in entries] == ["limit.set", "limit.changed", "limit.closed"]
    assert {entry.actor for entry in entries} == {alice}
    assert entries[0].after["limit_nanos"] == DOLLAR
    assert entries[1].before == {"limit_nanos": DOLLAR}
    assert entries[1].after == {"limit_nanos": 2 * DOLLAR}

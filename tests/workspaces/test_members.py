"""Roles, removal and leaving; an open team always has an admin, whatever happens at once."""

from collections.abc import Callable

import pytest

from router_app.gateway.keys import create_key
from router_app.models import ApiKey, Membership, User, Workspace
from router_app.workspaces.invitations import find_invitation, invite
from router_app.workspaces.members import change_role, leave, memberships_of, remove_member
from router_app.workspaces.rules import NotAllowed, NotPossible
from tests.factories import make_call, make_decision, make_team, make_user
from tests.workspaces.places import place_of, roles_in, together


def live_keys(person: User) -> list[str]:
    """Names of those that still open something."""
    return list(ApiKey.objects.filter(user=person, revoked_at=None).values_list("name", flat=True))


def test_an_admin_changes_roles(alice: User, bob: User, team: Workspace) -> None:
    change_role(place_of(bob, team), role="admin", by=alice)
    change_role(place_of(alice, team), role="member", by=bob)
    assert roles_in(team) == {"alice": "member", "bob": "admin", "vera": "viewer"}


def test_what_is_no_role_is_refused(alice: User, bob: User, team: Workspace) -> None:
    with pytest.raises(NotPossible, match="admin, member, viewer"):
        change_role(place_of(bob, team), role="owner", by=alice)


@pytest.mark.parametrize("who", ["bob", "vera", "charlie"])
def test_nobody_else_changes_anything(
    who: str, request: pytest.FixtureRequest, bob: User, charlie: User, team: Workspace
) -> None:
    by = request.getfixturevalue(who)
    before = roles_in(team)
    with pytest.raises(NotAllowed):
        change_role(place_of(bob, team), role="admin", by=by)
    with pytest.raises(NotAllowed):
        remove_member(place_of(bob, team), by=by)
    with pytest.raises(NotAllowed):
        invite(team, role="admin", by=by)
    assert roles_in(team) == before


def test_the_last_admin_stays_one(alice: User, team: Workspace) -> None:
    place = place_of(alice, team)
    for change in (
        lambda: leave(place),
        lambda: remove_member(place, by=alice),
        lambda: change_role(place, role="member", by=alice),
    ):
        with pytest.raises(NotPossible, match="last admin"):
            change()
    assert roles_in(team)["alice"] == "admin"


def test_an_admin_who_has_left_is_no_other_admin(alice: User, bob: User, team: Workspace) -> None:
    change_role(place_of(bob, team), role="admin", by=alice)
    leave(place_of(bob, team))
    with pytest.raises(NotPossible, match="last admin"):
        leave(place_of(alice, team))


def test_a_removed_members_keys_end_and_their_history_stays(
    alice: User, bob: User, team: Workspace
) -> None:
    create_key(user=bob, name="for the team", workspace_id=team.pk)
    create_key(user=bob, name="for himself")
    call = make_call(bob, decision=make_decision(bob, workspace=team))

    remove_member(place_of(bob, team), by=alice)

    assert live_keys(bob) == ["for himself"]
    assert roles_in(team) == {"alice": "admin", "vera": "viewer"}
    assert Membership.objects.get(workspace=team, user=bob).left_at is not None
    call.refresh_from_db()
    assert call.workspace == team
    assert [place.workspace for place in memberships_of(bob)] == [bob.personal_workspace]
    with pytest.raises(NotPossible, match="has left"):
        remove_member(Membership.objects.get(workspace=team, user=bob), by=alice)


def test_another_members_keys_go_on(alice: User, bob: User, team: Workspace) -> None:
    create_key(user=alice, name="of alice", workspace_id=team.pk)
    remove_member(place_of(bob, team), by=alice)
    assert live_keys(alice) == ["of alice"]


def test_who_becomes_a_viewer_has_no_keys(alice: User, bob: User, team: Workspace) -> None:
    create_key(user=bob, name="for the team", workspace_id=team.pk)
    change_role(place_of(bob, team), role="viewer", by=alice)
    assert live_keys(bob) == []


@pytest.mark.parametrize("how", ["removed", "demoted", "left"])
def test_who_is_no_admin_any_more_holds_no_link_back_in(
    how: str, alice: User, bob: User, team: Workspace
) -> None:
    change_role(place_of(bob, team), role="admin", by=alice)
    _, bobs = invite(team, role="admin", by=bob)
    _, alices = invite(team, role="member", by=alice)
    if how == "removed":
        remove_member(place_of(bob, team), by=alice)
    elif how == "demoted":
        change_role(place_of(bob, team), role="member", by=alice)
    else:
        leave(place_of(bob, team))

    states = [found.is_open for found in map(find_invitation, (bobs, alices)) if found]
    assert states == [False, True]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["leave", "step down", "remove each other"])
def test_two_admins_at_once_leave_one_behind(how: str, transactional_db: None) -> None:
    ann, ben = make_user("ann"), make_user("ben")
    team = make_team(ann, admin=[ben])
    places = [place_of(ann, team), place_of(ben, team)]
    ways: dict[str, Callable[[int], None]] = {
        "leave": lambda n: leave(places[n]),
        "step down": lambda n: change_role(places[n], role="member", by=(ann, ben)[n]),
        "remove each other": lambda n: remove_member(places[1 - n], by=(ann, ben)[n]),
    }

    refused = together(lambda: ways[how](0), lambda: ways[how](1))

    assert len(refused) == 1
    assert list(roles_in(team).values()).count("admin") == 1

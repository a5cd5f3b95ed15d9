"""Teams are made, renamed and closed; personal workspaces only renamed."""

import pytest

from router_app.gateway.keys import create_key
from router_app.models import User, Workspace
from router_app.workspaces import teams
from router_app.workspaces.invitations import find_invitation, invite, open_invitations
from router_app.workspaces.members import change_role, leave, memberships_of, remove_member
from router_app.workspaces.rules import NotAllowed, NotPossible
from tests.workspaces.places import place_of, roles_in


def test_who_makes_a_team_is_its_admin(alice: User) -> None:
    team = teams.create_team(name="  Night   shift ", time_zone="Africa/Cairo", by=alice)

    assert (team.name, team.time_zone) == ("Night shift", "Africa/Cairo")
    assert roles_in(team) == {"alice": "admin"}
    assert not team.is_personal


@pytest.mark.parametrize(
    ("name", "zone"), [("", "UTC"), (" \n ", "UTC"), ("x" * 81, "UTC"), ("Team", "Mars/Olympus")]
)
def test_a_team_has_a_name_and_a_time_zone(alice: User, name: str, zone: str) -> None:
    with pytest.raises(NotPossible):
        teams.create_team(name=name, time_zone=zone, by=alice)
    assert memberships_of(alice).count() == 1


def test_an_admin_renames(alice: User, bob: User, team: Workspace) -> None:
    teams.rename(team, name="Lighthouse", by=alice)
    with pytest.raises(NotAllowed):
        teams.rename(team, name="Bob's", by=bob)
    with pytest.raises(NotPossible, match="needs a name"):
        teams.rename(team, name="   ", by=alice)
    team.refresh_from_db()
    assert team.name == "Lighthouse"


def test_a_personal_workspace_can_be_called_otherwise_but_not_nothing(alice: User) -> None:
    own = alice.personal_workspace
    teams.rename(own, name="At home", by=alice)
    with pytest.raises(NotPossible):
        teams.rename(own, name="", by=alice)
    own.refresh_from_db()
    assert own.name == "At home"


def test_a_closed_team_takes_nothing_new(alice: User, bob: User, team: Workspace) -> None:
    _, secret = invite(team, role="member", by=alice)
    key, _ = create_key(user=bob, name="nightly", workspace_id=team.pk)

    teams.close_team(team, by=alice)

    key.refresh_from_db()
    assert key.revoked_at is not None
    found = find_invitation(secret)
    assert found is not None and found.revoked_at is not None
    assert not open_invitations(team).exists()
    assert team not in [place.workspace for place in memberships_of(bob)]
    for change in (
        lambda: invite(team, role="member", by=alice),
        lambda: teams.rename(team, name="Again", by=alice),
        lambda: change_role(place_of(bob, team), role="admin", by=alice),
        lambda: remove_member(place_of(bob, team), by=alice),
        lambda: leave(place_of(bob, team)),
        lambda: teams.close_team(team, by=alice),
    ):
        with pytest.raises(NotPossible, match="is closed"):
            change()


@pytest.mark.parametrize("who", ["bob", "vera", "charlie"])
def test_only_an_admin_closes(
    who: str, request: pytest.FixtureRequest, charlie: User, team: Workspace
) -> None:
    with pytest.raises(NotAllowed):
        teams.close_team(team, by=request.getfixturevalue(who))
    team.refresh_from_db()
    assert team.is_open


def test_a_personal_workspace_is_for_one_and_for_good(alice: User) -> None:
    own = alice.personal_workspace
    place = place_of(alice, own)
    for change in (
        lambda: teams.close_team(own, by=alice),
        lambda: leave(place),
        lambda: remove_member(place, by=alice),
        lambda: change_role(place, role="viewer", by=alice),
        lambda: invite(own, role="member", by=alice),
    ):
        with pytest.raises(NotPossible, match=r"personal workspace"):
            change()
    assert roles_in(own) == {"alice": "admin"}
    assert not own.invitations.exists()

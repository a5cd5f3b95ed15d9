"""A team's life as its audit trail tells it: who did what, in order, and no secret of a link."""

import pytest

from router_app.models import AuditEntry, Membership
from router_app.workspaces.invitations import accept, invite, revoke_invitation
from router_app.workspaces.members import change_role, leave, remove_member
from router_app.workspaces.rules import NotPossible
from router_app.workspaces.teams import close_team, create_team, rename
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_a_teams_life_is_told() -> None:
    alice, bob, carol = (make_user(name) for name in ("alice", "bob", "carol"))
    team = create_team(name="Alpha", time_zone="UTC", by=alice)
    rename(team, name="Beta", by=alice)
    for_bob, secret = invite(team, role="member", by=alice, email=bob.email)
    place = accept(for_bob, person=bob)
    change_role(place, role="viewer", by=alice)
    remove_member(place, by=alice)
    for_anybody, _ = invite(team, role="viewer", by=alice)
    revoke_invitation(for_anybody, by=alice)
    again, _ = invite(team, role="member", by=alice)
    leave(accept(again, person=carol))
    close_team(team, by=alice)

    lines = AuditEntry.objects.filter(workspace=team).order_by("pk")
    told = [(line.actor.username, line.action, line.subject) for line in lines if line.actor]
    assert told == [
        ("alice", "workspace.made", "Alpha"),
        ("alice", "workspace.changed", "Alpha"),
        ("alice", "invitation.made", bob.email),
        ("bob", "member.joined", "bob"),
        ("alice", "role.changed", "bob"),
        ("alice", "member.left", "bob"),
        ("alice", "invitation.made", "whoever has the link"),
        ("alice", "invitation.revoked", "whoever has the link"),
        ("alice", "invitation.made", "whoever has the link"),
        ("carol", "member.joined", "carol"),
        ("carol", "member.left", "carol"),
        ("alice", "workspace.closed", "Beta"),
    ]
    changed = AuditEntry.objects.get(action="role.changed")
    assert (changed.before, changed.after) == ({"role": "member"}, {"role": "viewer"})
    assert secret not in str(list(lines.values()))


def test_what_was_refused_is_not_told() -> None:
    alice = make_user("alice")
    team = create_team(name="Alpha", time_zone="UTC", by=alice)
    with pytest.raises(NotPossible):
        leave(Membership.objects.get(workspace=team))
    assert [line.action for line in AuditEntry.objects.all()] == ["workspace.made"]

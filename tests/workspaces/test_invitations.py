"""Links into a team: for one person, for a while, and only while an admin wants it."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from router_app.models import Invitation, User, Workspace
from router_app.workspaces import invitations
from router_app.workspaces.invitations import (
    LIFE,
    accept,
    find_invitation,
    invite,
    open_invitations,
    revoke_invitation,
)
from router_app.workspaces.members import remove_member
from router_app.workspaces.rules import NotAllowed, NotPossible
from tests.factories import make_team, make_user
from tests.workspaces.places import place_of, roles_in, together


def by_link(secret: str) -> Invitation:
    """What the link leads to."""
    found = find_invitation(secret)
    assert found is not None
    return found


def test_a_link_lets_one_person_in_with_its_role(
    alice: User, charlie: User, team: Workspace
) -> None:
    row, secret = invite(team, role="viewer", by=alice)
    assert abs(row.expires_at - timezone.now() - LIFE) < timedelta(minutes=1)

    place = accept(by_link(secret), person=charlie)

    assert (place.workspace, place.role) == (team, "viewer")
    assert roles_in(team)["charlie"] == "viewer"
    assert by_link(secret).accepted_by == charlie
    with pytest.raises(NotPossible, match="used already"):
        accept(by_link(secret), person=make_user("dora"))
    with pytest.raises(NotPossible, match="used already"):
        accept(by_link(secret), person=charlie)


def test_only_the_hash_of_the_secret_is_kept(alice: User, team: Workspace) -> None:
    row, secret = invite(team, role="member", by=alice)
    kept = Invitation.objects.filter(pk=row.pk).values().get()
    assert secret not in str(kept)
    assert len(secret) >= 43  # 256 bits
    assert find_invitation(row.hash) is None
    assert find_invitation("") is None


def test_after_its_time_a_link_opens_nothing(alice: User, charlie: User, team: Workspace) -> None:
    row, secret = invite(team, role="member", by=alice)
    Invitation.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    with pytest.raises(NotPossible, match="expired"):
        accept(by_link(secret), person=charlie)
    assert not open_invitations(team).exists()


def test_a_link_that_was_taken_back_opens_nothing(
    alice: User, bob: User, charlie: User, team: Workspace
) -> None:
    row, secret = invite(team, role="member", by=alice)
    with pytest.raises(NotAllowed):
        revoke_invitation(row, by=bob)
    revoke_invitation(row, by=alice)
    with pytest.raises(NotPossible, match="taken back"):
        accept(by_link(secret), person=charlie)
    assert "charlie" not in roles_in(team)


def test_an_accepted_one_is_not_taken_back(alice: User, charlie: User, team: Workspace) -> None:
    row, secret = invite(team, role="member", by=alice)
    accept(by_link(secret), person=charlie)
    with pytest.raises(NotPossible, match="accepted already"):
        revoke_invitation(row, by=alice)


@pytest.mark.parametrize("address", ["charlie@example.org", "CHARLIE@Example.ORG", "c@work.test"])
def test_one_for_an_address_is_for_who_has_it(
    address: str, alice: User, charlie: User, team: Workspace
) -> None:
    EmailAddress.objects.create(user=charlie, email="C@work.test", verified=True)
    _, secret = invite(team, role="member", by=alice, email=address)
    accept(by_link(secret), person=charlie)
    assert roles_in(team)["charlie"] == "member"


@pytest.mark.parametrize("address", ["dora@example.org", "claimed@example.org"])
def test_and_for_nobody_else(address: str, alice: User, charlie: User, team: Workspace) -> None:
    EmailAddress.objects.create(user=charlie, email="claimed@example.org", verified=False)
    _, secret = invite(team, role="member", by=alice, email=address)
    with pytest.raises(NotPossible, match="another e-mail address"):
        accept(by_link(secret), person=charlie)
    assert by_link(secret).is_open


def test_nobody_without_an_address_joins_by_one_for_an_address(
    alice: User, team: Workspace
) -> None:
    _, secret = invite(team, role="member", by=alice, email="x@example.org")
    with pytest.raises(NotPossible, match="another e-mail address"):
        accept(by_link(secret), person=make_user("nameless", email=""))


def test_a_member_keeps_their_role_and_the_link(alice: User, bob: User, team: Workspace) -> None:
    _, secret = invite(team, role="admin", by=alice)
    with pytest.raises(NotPossible, match="already"):
        accept(by_link(secret), person=bob)
    assert roles_in(team)["bob"] == "member"
    assert by_link(secret).is_open


def test_who_was_removed_comes_back_only_by_a_new_one(
    alice: User, charlie: User, team: Workspace
) -> None:
    _, first = invite(team, role="member", by=alice)
    accept(by_link(first), person=charlie)
    remove_member(place_of(charlie, team), by=alice)
    with pytest.raises(NotPossible):
        accept(by_link(first), person=charlie)
    _, second = invite(team, role="viewer", by=alice)
    accept(by_link(second), person=charlie)
    assert roles_in(team)["charlie"] == "viewer"


def test_a_second_one_for_an_address_ends_the_first(alice: User, team: Workspace) -> None:
    _, first = invite(team, role="admin", by=alice, email="dora@example.org")
    _, second = invite(team, role="viewer", by=alice, email="Dora@example.org")
    assert not by_link(first).is_open
    assert by_link(second).is_open


@pytest.mark.parametrize(
    ("email", "role", "why"),
    [("not an address", "member", "e-?mail"), ("bob@example.org", "member", "already"),
     ("", "king", "role")],
)  # fmt: skip
def test_what_cannot_be_invited(
    email: str, role: str, why: str, alice: User, team: Workspace
) -> None:
    with pytest.raises(NotPossible, match=why):
        invite(team, role=role, by=alice, email=email)
    assert not team.invitations.exists()


def test_nobody_sends_invitations_by_the_thousand(
    alice: User, team: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MOST_A_DAY", 2)
    another = make_team(alice, "Another")
    for where in (team, another):
        revoke_invitation(invite(where, role="member", by=alice)[0], by=alice)
    with pytest.raises(NotPossible, match="2 people a day"):
        invite(team, role="member", by=alice)

    yesterday = timezone.now() - timedelta(days=1)
    Invitation.objects.filter(workspace=another).update(created_at=yesterday)
    invite(team, role="member", by=alice)


@pytest.mark.django_db(transaction=True)
def test_two_who_accept_at_once_make_one_member(transactional_db: None) -> None:
    ann, ben, cleo = make_user("ann"), make_user("ben"), make_user("cleo")
    team = make_team(ann)
    _, secret = invite(team, role="member", by=ann)
    links = [by_link(secret), by_link(secret)]

    refused = together(lambda: accept(links[0], person=ben), lambda: accept(links[1], person=cleo))

    assert [str(no).partition(".")[0] for no in refused] == ["This invitation was used already"]
    assert team.memberships.count() == 2


@pytest.mark.django_db(transaction=True)
def test_one_person_with_two_links_is_in_once(transactional_db: None) -> None:
    ann, ben = make_user("ann"), make_user("ben")
    team = make_team(ann)
    links = [by_link(invite(team, role=role, by=ann)[1]) for role in ("member", "admin")]

    refused = together(*(lambda link=link: accept(link, person=ben) for link in links))

    assert len(refused) == 1
    assert team.memberships.filter(user=ben).count() == 1

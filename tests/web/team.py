"""A team for tests of pages: Alice leads Alpha, Bob asks there, Vera looks, Charlie is nowhere."""

from dataclasses import dataclass

from django.test import Client

from router_app.models import Membership, Role, User, Workspace
from router_app.web.workspace import CHOSEN
from tests.factories import make_user


@dataclass(frozen=True)
class Team:
    workspace: Workspace
    alice: User
    bob: User
    vera: User
    charlie: User

    def browser(self, user: User) -> Client:
        """Signed in, with the team chosen; who is not in it is in their own workspace."""
        client = Client()
        client.force_login(user)
        session = client.session
        session[CHOSEN] = self.workspace.pk
        session.save()
        return client

    def place_of(self, user: User) -> Membership:
        return Membership.objects.get(workspace=self.workspace, user=user)


def make_team(name: str = "Alpha") -> Team:
    workspace = Workspace.objects.create(name=name, time_zone="Africa/Cairo")
    alice, bob, vera, charlie = (make_user(each) for each in ("alice", "bob", "vera", "charlie"))
    for user, role in ((alice, Role.ADMIN), (bob, Role.MEMBER), (vera, Role.VIEWER)):
        Membership.objects.create(workspace=workspace, user=user, role=role)
    return Team(workspace, alice, bob, vera, charlie)


def page_of(response) -> str:
    return " ".join(response.content.decode().split())

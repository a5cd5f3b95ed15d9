"""Workspaces in the browser: made, switched, joined and left; what each role sees."""

import asyncio
import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from router_app.budgets.limits import create_starting_budget, set_limit
from router_app.errors import NotAuthenticated
from router_app.gateway.keys import authenticate, create_key
from router_app.models import (
    ApiKey,
    Budget,
    Conversation,
    Invitation,
    Membership,
    Message,
    User,
    Workspace,
)
from router_app.providers.scripted import ScriptedProvider
from tests.factories import (
    CENT,
    DOLLAR,
    make_call,
    make_conversation,
    make_decision,
    make_exchange,
    make_team,
    make_user,
)
from tests.web.chatting import HTMX, ask, page

pytestmark = pytest.mark.django_db
TEAM = {"name": "Harbour", "time_zone": "Africa/Cairo", "limit": "20"}


@pytest.fixture
def ann(db: None) -> User:
    return make_user("ann")


@pytest.fixture
def ben(db: None) -> User:
    return make_user("ben")


@pytest.fixture
def vera(db: None) -> User:
    return make_user("vera")


@pytest.fixture
def team(ann: User, ben: User, vera: User) -> Workspace:
    return make_team(ann, member=[ben], viewer=[vera])


def visit(person: User, workspace: Workspace | None = None) -> Client:
    """A signed-in client, in the workspace."""
    client = Client()
    client.force_login(person)
    if workspace is not None:
        client.post("/workspaces/choose/", {"workspace": workspace.pk})
    return client


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def place_of(person: User, team: Workspace) -> Membership:
    return Membership.objects.get(user=person, workspace=team, left_at=None)


class TestATeam:
    def test_is_made_with_its_limit_and_one_is_in_it(self, ann: User) -> None:
        client = visit(ann)
        page = client.post("/workspaces/", TEAM, follow=True)

        team = Workspace.objects.get(personal_of=None)
        assert page.redirect_chain == [(f"/workspaces/{team.pk}/", 302)]
        budget = Budget.objects.get(workspace=team)
        assert (budget.level, budget.limit_nanos) == ("workspace", 20 * DOLLAR)
        assert (budget.period, budget.time_zone) == ("month", "Africa/Cairo")
        assert 'title="Workspace Harbour"' in text_of(client.get("/"))
        assert budget.set_by == ann
        page = text_of(client.get("/budgets/"))
        assert "Team&#x27;s monthly limit" in page and "Set by an administrator" not in page

    @pytest.mark.parametrize(
        "wrong", [{"name": " "}, {"time_zone": "Olympus"}, {"limit": ""}, {"limit": "-1"}]
    )
    def test_is_not_made_by_half(self, ann: User, wrong: dict[str, str]) -> None:
        page = visit(ann).post("/workspaces/", {**TEAM, **wrong})
        assert "errorlist" in text_of(page)
        assert not Workspace.objects.filter(personal_of=None).exists()
        assert not Budget.objects.filter(level="workspace").exists()

    def test_its_page_leads_its_admins_to_all_that_they_decide(
        self, ann: User, ben: User, team: Workspace
    ) -> None:
        address = reverse("workspaces_one", args=[team.pk])
        members, trail = reverse("budgets_members"), reverse("audit")
        hooks = reverse("webhooks", args=[team.pk])
        for person, here, leads in (
            (ann, team, {members, trail, hooks}),
            (ann, None, {hooks}),  # the others belong to the chosen workspace
            (ben, team, set()),
        ):
            page = text_of(visit(person, here).get(address))
            assert {to for to in (members, trail, hooks) if f'href="{to}"' in page} == leads

    def test_is_renamed_and_closed_by_an_admin(self, ann: User, team: Workspace) -> None:
        client = visit(ann, team)
        page = client.post(f"/workspaces/{team.pk}/rename/", {"name": "Bay"}, follow=True)
        assert "It is called Bay now." in text_of(page)
        page = client.post(f"/workspaces/{team.pk}/close/", follow=True)
        assert "Bay is closed" in text_of(page)
        # Everybody is back in their own.
        assert "topbar-workspace" not in text_of(client.get("/"))


class TestTheSwitcher:
    def test_stays_on_the_page(self, ann: User, team: Workspace) -> None:
        client = visit(ann)
        assert "topbar-workspace" not in text_of(client.get("/dashboard/"))
        data = {"workspace": team.pk, "page": "dashboard"}
        page = client.post("/workspaces/choose/", data, follow=True)
        assert page.redirect_chain == [("/dashboard/", 302)]
        assert 'title="Workspace Harbour"' in text_of(page)

    @pytest.mark.parametrize("page", ["", "chat_conversation", "admin:index", "//evil.example"])
    def test_goes_nowhere_else(self, ann: User, team: Workspace, page: str) -> None:
        data = {"workspace": team.pk, "page": page}
        assert visit(ann).post("/workspaces/choose/", data)["Location"] == "/"

    @pytest.mark.parametrize("wanted", ["", "0", "x", "-1", "9" * 30, "²"])
    def test_knows_only_ones_own(self, wanted: str, ann: User) -> None:
        answer = visit(ann).post("/workspaces/choose/", {"workspace": wanted})
        assert answer.status_code == 404

    def test_opens_no_team_one_is_not_in(self, team: Workspace) -> None:
        stranger = visit(make_user("charlie"))
        answer = stranger.post("/workspaces/choose/", {"workspace": team.pk})
        assert answer.status_code == 404
        assert f"/workspaces/{team.pk}/" not in text_of(stranger.get("/workspaces/"))

    @pytest.mark.parametrize("number", [2**31, 2**63, 10**30])
    def test_under_a_number_beyond_all_rows_there_is_none(self, number: int, ann: User) -> None:
        for part in ("", "webhooks/", "rename/", "leave/", "close/"):
            assert visit(ann).get(f"/workspaces/{number}/{part}").status_code == 404
        for part in ("webhooks/1/test/", "members/1/role/", "invitations/"):
            assert visit(ann).post(f"/workspaces/{number}/{part}").status_code == 404

    def test_what_is_asked_belongs_to_the_workspace(self, ann: User, team: Workspace) -> None:
        make_exchange(ann, "At home")
        make_exchange(ann, "At work", conversation=make_conversation(ann, workspace=team))
        Conversation.objects.filter(workspace=team).update(title="At work")
        home, work = visit(ann), visit(ann, team)
        assert "At home" in text_of(home.get("/c/")) and "At work" not in text_of(home.get("/c/"))
        assert "At work" in text_of(work.get("/c/")) and "At home" not in text_of(work.get("/c/"))


class TestMembers:
    def test_are_listed_with_their_roles(self, ben: User, team: Workspace) -> None:
        page = text_of(visit(ben).get(f"/workspaces/{team.pk}/"))
        for name in ("ann", "ben", "vera"):
            assert name in page
        assert "members/" not in page  # nothing to change

    def test_an_admin_changes_a_role(self, ann: User, vera: User, team: Workspace) -> None:
        address = reverse("members_role", args=[team.pk, place_of(vera, team).pk])
        page = visit(ann).post(address, {"role": "member"}, follow=True)
        assert "The role of vera is member now." in text_of(page)
        assert place_of(vera, team).role == "member"

    def test_the_last_admin_is_told_why_not(self, ann: User, team: Workspace) -> None:
        page = visit(ann).post(f"/workspaces/{team.pk}/leave/", follow=True)
        assert "ann is the last admin of Harbour" in text_of(page)
        assert place_of(ann, team).role == "admin"

    def test_a_member_leaves(self, ben: User, team: Workspace) -> None:
        client = visit(ben, team)
        assert "Leave the team" in text_of(client.get(f"/workspaces/{team.pk}/leave/"))
        page = client.post(f"/workspaces/{team.pk}/leave/", follow=True)
        assert "You have left Harbour." in text_of(page)
        assert client.get(f"/workspaces/{team.pk}/").status_code == 404

    @pytest.mark.django_db(transaction=True)
    def test_removal_ends_keys_at_once(self, transactional_db: None) -> None:
        ann, ben = make_user("ann"), make_user("ben")
        team = make_team(ann, member=[ben])
        _, key = create_key(user=ben, name="nightly", workspace_id=team.pk)
        assert asyncio.run(authenticate(key)).workspace_id == team.pk

        address = reverse("members_remove", args=[team.pk, place_of(ben, team).pk])
        page = visit(ann).post(address, follow=True)

        assert "their keys are revoked" in text_of(page)
        with pytest.raises(NotAuthenticated):
            asyncio.run(authenticate(key))

    def test_of_another_team_are_out_of_reach(self, ann: User, team: Workspace) -> None:
        other = make_user("charlie")
        place = place_of(other, make_team(other, "Theirs"))
        for name in ("members_role", "members_remove"):
            answer = visit(ann).post(reverse(name, args=[team.pk, place.pk]), {"role": "viewer"})
            assert answer.status_code == 404
        place.refresh_from_db()
        assert (place.role, place.left_at) == ("admin", None)


class TestInvitations:
    def invite(self, ann: User, team: Workspace, **fields: str) -> tuple[Any, str]:
        data = {"email": "", "role": "member", **fields}
        page = visit(ann).post(f"/workspaces/{team.pk}/invitations/", data)
        link = re.search(r"http://testserver(/join/[\w-]+/)", text_of(page))
        return page, link[1] if link else ""

    def test_the_link_is_seen_once(self, ann: User, team: Workspace) -> None:
        page, link = self.invite(ann, team)
        assert "no-store" in page["Cache-Control"]
        assert link.split("/")[2] not in text_of(visit(ann).get(f"/workspaces/{team.pk}/"))

    def test_one_by_e_mail_is_sent(self, ann: User, team: Workspace) -> None:
        page, link = self.invite(ann, team, email="dora@example.org")
        (message,) = mail.outbox
        assert message.to == ["dora@example.org"]
        assert message.subject == "ann invites you to Harbour on Budget Router"
        assert f"http://testserver{link}" in message.body
        assert "on its way to dora@example.org" in text_of(page)

    def test_a_mail_server_that_is_away_costs_nothing(
        self, ann: User, team: Workspace, settings: Any
    ) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
        page, link = self.invite(ann, team, email="dora@example.org")
        assert "could not be sent" in text_of(page)
        assert link and Invitation.objects.get().is_open

    def test_what_is_wrong_is_said(self, ann: User, team: Workspace) -> None:
        page, link = self.invite(ann, team, email="nobody")
        assert "errorlist" in text_of(page) and not link
        page, link = self.invite(ann, team, email="ben@example.org")
        assert "is in Harbour already" in text_of(page) and not link
        assert not mail.outbox

    def test_joining_leads_into_the_team(self, ann: User, team: Workspace) -> None:
        _, link = self.invite(ann, team)
        dora = visit(make_user("dora"))
        page = text_of(dora.get(link))
        assert "ann invites you" in page and "Join as dora" in page
        page = text_of(dora.post(link, follow=True))
        assert "You are in Harbour now, as its member." in page
        assert 'title="Workspace Harbour"' in page

    def test_signed_out_people_come_back(self, ann: User, team: Workspace) -> None:
        _, link = self.invite(ann, team)
        client = Client()
        page = text_of(client.get(link))
        for way in ("login", "signup"):
            assert f"/accounts/{way}/?next={link.replace('/', '%2F')}" in page
        assert client.post(link)["Location"] == f"/accounts/login/?next={link.replace('/', '%2F')}"

        words = {"password1": "correct horse battery", "password2": "correct horse battery"}
        data = {"username": "dora", "email": "", "next": link, **words}
        assert client.post("/accounts/signup/", data)["Location"] == link
        client.post(link)
        assert place_of(User.objects.get(username="dora"), team).role == "member"

    def test_one_for_another_address_says_so(self, ann: User, team: Workspace) -> None:
        _, link = self.invite(ann, team, email="dora@example.org")
        charlie = visit(make_user("charlie"))
        page = text_of(charlie.get(link))
        assert "for another e-mail address" in page and "Join as" not in page
        assert "for another e-mail address" in text_of(charlie.post(link, follow=True))
        assert not team.memberships.filter(user__username="charlie").exists()

    def test_dead_links_say_why(self, ann: User, team: Workspace) -> None:
        assert Client().get("/join/nothing/").status_code == 404
        assert "leads nowhere" in text_of(Client().get("/join/nothing/"))
        _, link = self.invite(ann, team)
        address = reverse("invitations_revoke", args=[team.pk, Invitation.objects.get().pk])
        assert "taken back" in text_of(visit(ann).post(address, follow=True))
        page = Client().get(link)
        assert page.status_code == 410 and "taken back" in text_of(page)
        Invitation.objects.update(revoked_at=None, expires_at=timezone.now())
        assert "has expired" in text_of(Client().get(link))


class TestAViewer:
    def test_sees_the_totals_and_no_composer(
        self, ben: User, vera: User, team: Workspace, catalog: None
    ) -> None:
        decision = make_decision(ben, workspace=team)
        make_call(ben, decision=decision, cost_nanos=7 * CENT)
        client = visit(vera, team)
        page = text_of(client.get("/dashboard/"))
        assert "$0.07" in page and 'aria-label="Whose"' not in page
        page = text_of(client.get("/"))
        assert "You are a viewer of Harbour" in page and "composer-prompt" not in page

    def test_asks_nothing(
        self, vera: User, team: Workspace, catalog: None, provider: ScriptedProvider
    ) -> None:
        client = visit(vera, team)
        for script in (True, False):
            assert ask(client, "Hello", script=script).status_code == 403
        assert not Message.objects.exists()
        assert not provider.calls

    def test_is_offered_nothing_that_asks(self, ben: User, vera: User, team: Workspace) -> None:
        for person, offered in ((ben, True), (vera, False)):
            page = text_of(visit(person, team).get("/history/"))
            assert ("New chat" in page, "Ask something" in page) == (offered, offered)

    def test_makes_no_keys(self, vera: User, team: Workspace) -> None:
        client = visit(vera, team)
        page = text_of(client.get("/keys/"))
        assert "Viewers ask nothing" in page and "Make the key" not in page
        assert "No keys yet" not in page
        assert client.post("/keys/", {"name": "x", "expires": "30"}).status_code == 403
        assert not ApiKey.objects.exists()
        # In their own workspace they do as everybody.
        assert "Make the key" in text_of(visit(vera).get("/keys/"))


class TestTheDashboard:
    @pytest.fixture
    def spent(self, ann: User, ben: User, team: Workspace, catalog: None) -> None:
        for person, cents in ((ann, 3), (ben, 4)):
            decision = make_decision(person, workspace=team)
            make_call(person, decision=decision, cost_nanos=cents * CENT)

    def test_shows_mine_or_the_teams(self, spent: None, ben: User, team: Workspace) -> None:
        client = visit(ben, team)
        mine, teams = client.get("/dashboard/"), client.get("/dashboard/?whose=team")
        assert "$0.04" in text_of(mine) and "$0.07" not in text_of(mine)
        assert "$0.07" in text_of(teams)
        assert "whose=team" in text_of(teams).partition("dashboard-poll")[2]
        live = client.get("/dashboard/live?whose=team", headers=HTMX)
        assert "$0.07" in text_of(live)

    def test_own_detail_stays_own(self, spent: None, ben: User, team: Workspace) -> None:
        page = text_of(visit(ben, team).get("/history/"))
        assert "$0.04" in page and "$0.03" not in page

    def test_nobody_looks_at_another_persons_own_workspace(self, spent: None, ben: User) -> None:
        page = text_of(visit(ben).get("/dashboard/?whose=team"))
        assert "No requests yet" in page


class TestKeys:
    def test_belong_to_the_chosen_workspace(self, ben: User, team: Workspace) -> None:
        client = visit(ben, team)
        client.post("/keys/", {"name": "tides", "expires": "30"})
        assert ApiKey.objects.get().workspace == team
        assert "tides" in text_of(client.get("/keys/"))
        assert "tides" not in text_of(visit(ben).get("/keys/"))


class TestSharing:
    @pytest.fixture
    def conversation(self, ben: User, team: Workspace, catalog: None) -> Conversation:
        found = make_conversation(ben, workspace=team, title="Tide tables")
        decision = make_decision(ben, workspace=team)
        make_call(ben, decision=decision, cost_nanos=2 * CENT)
        make_exchange(ben, "When is low tide?", "At six.", decision=decision, conversation=found)
        return found

    def test_private_until_shared(
        self, ben: User, vera: User, team: Workspace, conversation: Conversation
    ) -> None:
        address = f"/c/{conversation.pk}/"
        owner, reader = visit(ben, team), visit(vera, team)
        assert reader.get(address).status_code == 404
        assert "Tide tables" not in text_of(reader.get("/c/shared/"))

        owner.post(f"{address}share/")
        page = text_of(reader.get(address))
        assert "At six." in page and "ben asked this" in page and "$0.02" in page
        assert "composer-prompt" not in page and "Ask again" not in page and "/delete/" not in page
        listed = text_of(reader.get("/c/shared/"))
        assert "Tide tables" in listed and "ben asked" in listed and "$0.02" in listed
        assert "At six." in reader.get(f"{address}export.md").content.decode()

        owner.post(f"{address}unshare/")
        assert reader.get(address).status_code == 404
        assert reader.get(f"{address}export.md").status_code == 404

    def test_only_its_owner_changes_it(
        self, ben: User, ann: User, team: Workspace, conversation: Conversation,
        provider: ScriptedProvider,
    ) -> None:  # fmt: skip
        visit(ben, team).post(f"/c/{conversation.pk}/share/")
        admin = visit(ann, team)
        answer = conversation.messages.get(role="assistant")
        for address in ("rename/", "delete/", "share/", "unshare/"):
            posted = admin.post(f"/c/{conversation.pk}/{address}", {"title": "Mine"})
            assert posted.status_code == 404, address
        assert admin.post(f"/m/{answer.pk}/again/").status_code == 404
        assert admin.post(f"/m/{answer.pk}/stop/").status_code == 404
        assert ask(admin, "And high?", conversation=str(conversation.pk)).status_code == 404
        conversation.refresh_from_db()
        assert conversation.title == "Tide tables" and conversation.shared_at
        assert not provider.calls

    def test_nobody_outside_reads_it(
        self, ben: User, vera: User, team: Workspace, conversation: Conversation
    ) -> None:
        visit(ben, team).post(f"/c/{conversation.pk}/share/")
        outsider = visit(make_user("charlie"))
        assert outsider.get(f"/c/{conversation.pk}/").status_code == 404
        # Nor who is in the team, from another workspace of theirs, nor who is no more.
        assert visit(vera).get(f"/c/{conversation.pk}/").status_code == 404
        Membership.objects.filter(user=vera, workspace=team).update(left_at=timezone.now())
        assert visit(vera).get(f"/c/{conversation.pk}/").status_code == 404

    def test_in_ones_own_workspace_there_is_nobody_to_share_with(self, ben: User) -> None:
        own = make_conversation(ben)
        client = visit(ben)
        assert "/share/" not in text_of(client.get(f"/c/{own.pk}/"))
        assert client.post(f"/c/{own.pk}/share/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_member_asks_in_the_team_within_its_limit(
    alice: User, provider: ScriptedProvider
) -> None:
    ben = make_user("ben")
    create_starting_budget(ben)
    visit(alice).post("/workspaces/", {**TEAM, "limit": "0"})
    team = Workspace.objects.get(personal_of=None)
    Membership.objects.create(workspace=team, user=ben, role="member")

    client = visit(ben, team)
    page = text_of(client.get(ask(client, "Hello", script=False)["Location"]))
    refusal = page.partition("alert-refusal")[2]
    assert "Team&#x27;s monthly limit" in refusal
    assert "Only an <a" in refusal and "See the limit" in refusal
    assert "Raise the limit" not in refusal
    assert Message.objects.get(role="assistant").state == "refused"
    assert not provider.calls

    set_limit(Budget.objects.get(workspace=team), limit_nanos=DOLLAR, now=timezone.now())
    ask(client, "Hello again", script=False)
    assert Conversation.objects.filter(user=ben, workspace=team).count() == 2
    assert Message.objects.filter(role="assistant", state="complete").count() == 1


def test_a_large_team_is_paged_and_searched(client: Client) -> None:
    ann = make_user("ann")
    team = make_team(ann, member=[make_user(f"member{n:02}") for n in range(60)])
    client.force_login(ann)
    address = f"/workspaces/{team.pk}/"

    shown = page(client.get(address))
    assert "61 members" in shown and "Page 1 of 2" in shown
    assert "member48" in shown and "member49" not in shown
    assert "member59" in page(client.get(address, {"page": 2}))
    found = page(client.get(address, {"name": "member5"}))
    assert "10 members" in found and "member52" in found and "member48" not in found
    nobody = page(client.get(address, {"name": "<b>", "page": "x"}))
    assert "0 members" in nobody and "&lt;b&gt;" in nobody

"""Who may open what: every URL × every role × own and another workspace, from one table.

A URL that is not in the table fails, so does a line whose URL is gone. Everything that is Alice's
carries her mark; whoever may not see it must not find the mark in any answer, page or fragment.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from router_app.alerts.hooks import make_webhook
from router_app.bills.entering import Entry, enter
from router_app.bills.findings import Days
from router_app.budgets.limits import create_budget, create_starting_budget
from router_app.gateway.keys import create_key
from router_app.models import Bill, Call, LanguageModel, User, Workspace
from router_app.providers.scripted import ScriptedProvider
from router_app.workspaces.invitations import invite
from tests.factories import (
    CENT,
    make_call,
    make_conversation,
    make_decision,
    make_exchange,
    make_notice,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db(transaction=True)

# Of the same team: an admin of it, a viewer, a member, and the owner of what is asked for. Stranger
# and root, the site's administrator, are in workspaces of their own. The owner comes last: what she
# does may be final; the team's admin before her.
ROLES = ("anonymous", "key", "stranger", "root", "viewer", "member", "admin", "owner")
MARK = "Zebrafish"
HTMX = {"HX-Request": "true"}
CSRF = "a" * 32


Statuses = tuple[int, int, int, int, int, int, int, int]


@dataclass(frozen=True)
class Case:
    """One method of one URL pattern: the status for each role, in the order of ROLES."""

    method: str
    statuses: Statuses
    data: Mapping[str, str] = field(default_factory=dict)


def get(*statuses: int) -> Case:
    return Case("GET", _of_roles(statuses))


def post(*statuses: int, **data: str) -> Case:
    return Case("POST", _of_roles(statuses), data)


def _of_roles(statuses: tuple[int, ...]) -> Statuses:
    """Eight, or five: anonymous, key, outsiders, the team's others, owner."""
    if len(statuses) == 5:
        anonymous, key, outside, team, owner = statuses
        return anonymous, key, outside, outside, team, team, team, owner
    anonymous, key, stranger, root, viewer, member, admin, owner = statuses
    return anonymous, key, stranger, root, viewer, member, admin, owner


# A page sends those who are not signed in to sign in (302), and has nothing for keys.
EVERYBODYS_OWN = get(302, 302, 200, 200, 200)
ONLY_ITS_OWNERS = get(302, 302, 404, 404, 200)
ITS_TEAMS = get(302, 302, 404, 200, 200)
#                    anonymous, key, stranger, root, viewer, member, admin, owner
ITS_ADMINS = get(302, 302, 404, 404, 403, 403, 200, 403)
# Everybody is the admin of their own workspace; in the team others are not.
ONLY_DECIDERS = get(302, 302, 200, 200, 403, 403, 200, 403)
# What providers billed is the site's, and no team's.
ONLY_OPERATORS = get(302, 302, 403, 200, 403, 403, 403, 403)
PUBLIC = get(200, 200, 200, 200, 200)
FOR_GUESTS = get(200, 200, 302, 302, 302)
PROMPT = {"prompt": "Hello", "task": "general", "quality": "low", "budget": "0.01"}


def by_its_admins(**data: str) -> Case:
    return post(302, 302, 404, 404, 403, 403, 302, 403, **data)


TABLE: dict[str, tuple[Case, ...]] = {
    "": (EVERYBODYS_OWN,),
    "send/": (post(302, 302, 404, 404, 403, 404, 404, 302, **PROMPT,
                   conversation="CONVERSATION"),),
    "price/": (post(302, 302, 404, 404, 403, 404, 404, 200, **PROMPT,
                    conversation="CONVERSATION"),),
    "gauge/": (EVERYBODYS_OWN,),
    "c/": (EVERYBODYS_OWN,),
    "c/<uuid:pk>/": (ONLY_ITS_OWNERS,),
    "c/<uuid:pk>/rename/": (ONLY_ITS_OWNERS, post(302, 302, 404, 404, 302, title="Mine")),
    "c/<uuid:pk>/delete/": (ONLY_ITS_OWNERS, post(302, 302, 404, 404, 302)),
    "c/shared/": (EVERYBODYS_OWN,),
    "c/<uuid:pk>/share/": (post(302, 302, 404, 404, 302),),
    "c/<uuid:pk>/unshare/": (post(302, 302, 404, 404, 302),),
    "c/<uuid:pk>/export.md": (ONLY_ITS_OWNERS,),
    "c/<uuid:pk>/export.json": (ONLY_ITS_OWNERS,),
    "m/<uuid:pk>/stream/": (ONLY_ITS_OWNERS,),
    "m/<uuid:pk>/stop/": (post(302, 302, 404, 404, 302),),
    "m/<uuid:pk>/again/": (post(302, 302, 404, 404, 403, 404, 404, 302),),
    "dashboard/": (EVERYBODYS_OWN,),
    "dashboard/live": (EVERYBODYS_OWN,),
    "spending/": (EVERYBODYS_OWN,),
    "spending/export.csv": (EVERYBODYS_OWN,),
    "spending/export.jsonl": (EVERYBODYS_OWN,),
    "history/": (EVERYBODYS_OWN,),
    "history/<uuid:decision_id>/": (ONLY_ITS_OWNERS,),
    "budgets/": (EVERYBODYS_OWN, post(302, 302, 302, 302, 302, period="week", limit="1",
                                      task_type="code")),
    "budgets/<int:pk>/": (ONLY_ITS_OWNERS, post(302, 302, 404, 404, 302, limit="1")),
    "budgets/<int:pk>/topup/": (post(302, 302, 404, 404, 302, amount="1", reason="a demo"),),
    "budgets/<int:pk>/close/": (ONLY_ITS_OWNERS, post(302, 302, 404, 404, 302)),
    "budgets/<int:pk>/forecast/": (ONLY_ITS_OWNERS,),
    "budgets/members/": (ONLY_DECIDERS,),
    "budgets/members/<int:pk>/": (ITS_ADMINS, by_its_admins(whom="member", period="week",
                                                            limit="1", task_type="code")),
    "budgets/presumed/": (ONLY_DECIDERS,),
    # An operator decides on everybody's, and nobody on what their own requests cost.
    "budgets/presumed/<uuid:pk>/": (get(302, 302, 404, 200, 403, 403, 200, 403),
                                    # Root comes first here, and decided is decided.
                                    post(302, 302, 404, 302, 403, 403, 404, 403, actual="0",
                                         reason="invoice")),
    "alerts/": (EVERYBODYS_OWN,),
    "alerts/read/": (post(302, 302, 302, 302, 302, newest="1"),),
    "alerts/bell/": (EVERYBODYS_OWN,),
    "alerts/<int:pk>/": (post(302, 302, 404, 404, 302),),
    "audit/": (ONLY_DECIDERS,),
    "audit/export.csv": (ONLY_DECIDERS,),
    "audit/export.jsonl": (ONLY_DECIDERS,),
    "bills/": (ONLY_OPERATORS, post(302, 302, 403, 302, 403, 403, 403, 403, model="MODEL",
                                    period="2026-10", amount="5", time_zone="UTC")),
    "bills/table/": (post(302, 302, 403, 200, 403, 403, 403, 403, time_zone="UTC"),),
    "bills/export.csv": (ONLY_OPERATORS,),
    "bills/export.jsonl": (ONLY_OPERATORS,),
    "bills/<int:pk>/": (ONLY_OPERATORS,),
    "bills/<int:pk>/check/": (post(302, 302, 403, 302, 403, 403, 403, 403),),
    "bills/<int:pk>/delete/": (post(302, 302, 403, 302, 403, 403, 403, 403),),
    "keys/": (EVERYBODYS_OWN, post(302, 302, 200, 200, 403, 200, 200, 200, name="a key",
                                   expires="30")),
    "keys/<int:pk>/revoke/": (ONLY_ITS_OWNERS, post(302, 302, 404, 404, 302)),
    "models/": (EVERYBODYS_OWN,),
    "workspaces/": (EVERYBODYS_OWN, post(302, 302, 302, 302, 302, name="Another",
                                         time_zone="UTC", limit="1")),
    "workspaces/choose/": (post(302, 302, 404, 302, 302, workspace="TEAM"),),
    "workspaces/<int:pk>/": (ITS_TEAMS,),
    "workspaces/<int:pk>/rename/": (ITS_ADMINS, by_its_admins(name="Ours")),
    "workspaces/<int:pk>/close/": (ITS_ADMINS, by_its_admins()),
    "workspaces/<int:pk>/leave/": (ITS_TEAMS, post(302, 302, 404, 302, 302)),
    "workspaces/<int:pk>/members/<int:member>/role/": (by_its_admins(role="viewer"),),
    "workspaces/<int:pk>/members/<int:member>/remove/": (
        get(302, 302, 404, 404, 403, 403, 200, 403), by_its_admins()),
    "workspaces/<int:pk>/invitations/": (
        post(302, 302, 404, 404, 403, 403, 200, 403, role="member"),),
    "workspaces/<int:pk>/invitations/<int:invitation>/revoke/": (by_its_admins(),),
    "workspaces/<int:pk>/webhooks/": (ITS_ADMINS, post(
        302, 302, 404, 404, 403, 403, 200, 403, url="https://hooks.example.com/there")),
    "workspaces/<int:pk>/webhooks/<int:webhook>/test/": (by_its_admins(),),
    "workspaces/<int:pk>/webhooks/<int:webhook>/remove/": (by_its_admins(),),
    # Whoever has the link sees what it invites to; joining uses it up, members cannot.
    "join/<str:secret>/": (PUBLIC, post(302, 302, 302, 410, 410, 410, 410, 410)),
    "profile/": (EVERYBODYS_OWN, post(302, 302, 200, 200, 200, time_zone="nowhere")),
    "health": (PUBLIC,),
    "ready": (PUBLIC,),
    "metrics": (get(401, 401, 403, 200, 403, 403, 403, 403),),
    "route": (post(401, 200, 200, 200, 403, 200, 200, 200),),  # a viewer spends nothing
    "stats": (get(401, 200, 200, 200, 200),),
    "openapi.json": (PUBLIC,),
    "docs": (PUBLIC,),
    "accounts/login/": (FOR_GUESTS,),
    "accounts/signup/": (FOR_GUESTS,),
    "accounts/logout/": (get(302, 302, 200, 200, 200),),
    "accounts/inactive/": (PUBLIC,),
    "accounts/reauthenticate/": (EVERYBODYS_OWN,),
    "accounts/email/": (EVERYBODYS_OWN,),
    "accounts/confirm-email/": (PUBLIC,),
    "accounts/password/change/": (EVERYBODYS_OWN,),
    "accounts/password/set/": (get(302, 302, 302, 302, 302),),
    "accounts/password/reset/": (PUBLIC,),
    "accounts/password/reset/done/": (PUBLIC,),
    "accounts/password/reset/key/done/": (PUBLIC,),
    "accounts/login/code/confirm/": (get(302, 302, 302, 302, 302),),
    # With a code from an e-mail; these were never sent.
    r"accounts/^confirm-email/(?P<key>[-:\w]+)/$": (PUBLIC,),
    r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": (PUBLIC,),
}  # fmt: skip
# Where an administrator reads what happened to everybody's limits and keys, and how they are named.
READ_BY_OPERATORS = ("audit/",)
# Tables and rows of the operators' pages are in tests/admin; here nobody else comes in.
OPERATORS = "admin/"
GROUPS = {
    "<path:content_type_id>": "1", "<path:object_id>": "1", "<uuid:pk>": str(uuid.UUID(int=1)),
    "^(?P<app_label>auth|router_app|account|axes)/$": "router_app/", "(?P<url>.*)$": "nothing/",
}  # fmt: skip

EVERY_CASE = [(pattern, case) for pattern, cases in TABLE.items() for case in cases]
OWN_PAGES = [pattern for pattern in TABLE if not pattern.startswith("accounts/")]


def patterns() -> Iterator[str]:
    """Every URL pattern of the product, from its root."""
    yield from _below(get_resolver(), "")


def _below(resolver: Any, prefix: str) -> Iterator[str]:
    for entry in resolver.url_patterns:
        path = f"{prefix}{entry.pattern}"
        if isinstance(entry, URLPattern):
            yield path
        else:
            yield from _below(entry, path)


@dataclass(frozen=True)
class World:
    """Alice's things, and everybody's client."""

    clients: Mapping[str, Client]
    conversation: uuid.UUID
    answer: uuid.UUID
    decision: uuid.UUID
    budget: int
    key: int
    team: int
    member: int
    invitation: int
    secret: str
    presumed: uuid.UUID
    notice: int
    webhook: int
    bill: int
    model: int

    def address(self, pattern: str) -> str:
        """The pattern with Alice's things in it."""
        things = {
            "c/": self.conversation, "m/": self.answer, "history/": self.decision,
            "budgets/members/": self.member, "budgets/presumed/": self.presumed,
            "budgets/": self.budget, "keys/": self.key, "workspaces/": self.team,
            "join/": self.secret, "alerts/": self.notice, "bills/": self.bill,
        }  # fmt: skip
        pattern = pattern.replace("<int:member>", str(self.member))
        pattern = pattern.replace("<int:invitation>", str(self.invitation))
        pattern = pattern.replace("<int:webhook>", str(self.webhook))
        thing = next((thing for start, thing in things.items() if pattern.startswith(start)), "")
        path = re.sub(r"<\w+:\w+>", str(thing), pattern)
        path = path.replace(r"^confirm-email/(?P<key>[-:\w]+)/$", "confirm-email/Mg:wrong/")
        path = re.sub(r"\^password/reset/key/.*", "password/reset/key/1-wrong/", path)
        return f"/{path}"

    def ask(self, role: str, pattern: str, case: Case, **headers: str) -> Any:
        """Send the case as this role."""
        client, address = self.clients[role], self.address(pattern)
        if pattern == "route":
            body = {"prompt": "Hello", "budget": 0.01}
            return client.post(address, body, "application/json", headers=headers)
        sent = urlencode(case.data).replace("CONVERSATION", str(self.conversation))
        sent = sent.replace("TEAM", str(self.team)).replace("MODEL", str(self.model))
        return client.generic(
            case.method, address, sent, "application/x-www-form-urlencoded", headers=headers
        )


@pytest.fixture
def world(alice: User, provider: ScriptedProvider) -> World:
    """Alice has one of everything in a team; Charlie and Root are strangers to it."""
    cast = {name: make_user(name) for name in ("charlie", "vera", "ben", "ann")}
    cast["root"] = make_user("root", is_staff=True, is_superuser=True)
    for person in cast.values():
        create_starting_budget(person)
    team = make_team(cast["ann"], admin=[make_user("abe")], viewer=[cast["vera"]],
                     member=[cast["ben"], alice])  # fmt: skip
    invitation, secret = invite(team, role="member", by=cast["ann"])
    call = _alices_call(alice, team)
    conversation = make_conversation(alice, title=f"{MARK}?", workspace=team)
    answer = make_exchange(
        alice, f"{MARK}?", f"{MARK}!", decision=call.decision, conversation=conversation
    )
    key, text = create_key(user=alice, name=MARK, workspace_id=team.pk)
    return World(
        clients={
            "anonymous": Client(),
            "key": Client(headers={"authorization": f"Bearer {text}"}),
            "stranger": _signed_in(cast["charlie"]),
            "root": _signed_in(cast["root"]),
            "viewer": _signed_in(cast["vera"], team),
            "member": _signed_in(cast["ben"], team),
            "admin": _signed_in(cast["ann"], team),
            "owner": _signed_in(alice, team),
        },
        conversation=answer.conversation_id,
        answer=answer.pk,
        decision=call.decision_id,
        budget=create_budget(user=alice, period="day", limit_nanos=50 * CENT, name=MARK).pk,
        key=key.pk,
        team=team.pk,
        member=team.memberships.get(user__username="abe").pk,
        invitation=invitation.pk,
        secret=secret,
        presumed=make_call(
            alice,
            decision=make_decision(alice, workspace=team),
            outcome=Call.Outcome.PRESUMED,
            cost_nanos=CENT,
        ).pk,
        notice=make_notice(alice, title=MARK).pk,
        webhook=make_webhook(team, url=f"https://hooks.example.com/{MARK}", by=cast["ann"]).pk,
        bill=_bill(cast["root"], call.model).pk,
        model=call.model_id,
    )


def _bill(root: User, model: LanguageModel) -> Bill:
    day = date(2026, 11, 1)
    enter([Entry(model, Days(day, day, "UTC"), CENT)], by=root)
    return Bill.objects.get()


def _alices_call(alice: User, team: Workspace) -> Call:
    call = make_call(alice, decision=make_decision(alice, workspace=team))
    call.decision.prompt = f"{MARK}?"
    call.decision.save()
    return call


def _signed_in(user: User, team: Workspace | None = None) -> Client:
    client = Client()
    client.force_login(user)
    if team is not None:
        client.post("/workspaces/choose/", {"workspace": team.pk})
    return client


def test_every_url_is_in_the_table() -> None:
    known = {pattern for pattern in patterns() if not pattern.startswith(OPERATORS)}

    assert known - set(TABLE) == set(), "not in the table"
    assert set(TABLE) - known == set(), "gone"


@pytest.mark.parametrize(
    ("pattern", "case"), EVERY_CASE, ids=[f"{case.method} /{path}" for path, case in EVERY_CASE]
)
def test_who_may(pattern: str, case: Case, world: World) -> None:
    answers = {role: world.ask(role, pattern, case) for role in ROLES}

    statuses = {role: answer.status_code for role, answer in answers.items()}
    assert statuses == dict(zip(ROLES, case.statuses, strict=True))
    for role in set(ROLES) - {"key", "owner"}:
        if role not in ("root", "admin") or not pattern.startswith(READ_BY_OPERATORS):
            assert MARK.encode() not in _body(answers[role]), role
        if statuses[role] == 302 and role == "anonymous" and not pattern.startswith("accounts/"):
            assert answers[role]["Location"].startswith("/accounts/login/?next=")


def test_a_fragment_shows_no_more_than_its_page(world: World) -> None:
    for pattern, case in EVERY_CASE:
        for role, page in zip(ROLES, case.statuses, strict=True):
            if role in ("key", "owner"):
                continue
            answer = world.ask(role, pattern, case, **HTMX)

            if role not in ("root", "admin") or not pattern.startswith(READ_BY_OPERATORS):
                assert MARK.encode() not in _body(answer), (role, pattern)
            assert answer.status_code < 500, (role, pattern)
            if page == 404:
                assert answer.status_code == 404, (role, pattern)
            if page == 302 and role == "anonymous" and answer.status_code == 200:
                # htmx follows this with the whole page.
                assert answer["HX-Redirect"].startswith("/accounts/"), pattern
                assert not answer.content, pattern


def _body(answer: Any) -> bytes:
    return b"" if answer.streaming else bytes(answer.content)


def test_other_methods_are_refused(world: World) -> None:
    for pattern in OWN_PAGES:
        listed = {case.method for case in TABLE[pattern]}
        listed |= {"HEAD"} if "GET" in listed else set()
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - listed:
            answer = world.clients["owner"].generic(method, world.address(pattern))

            assert answer.status_code == 405, (method, pattern)
            assert set(answer["Allow"].split(", ")) <= listed, (method, pattern)


@pytest.mark.parametrize("token", [None, "b" * 32])
def test_a_post_without_its_csrf_token_is_refused(
    token: str | None, world: World, provider: ScriptedProvider
) -> None:
    world.clients["owner"].handler.enforce_csrf_checks = True
    world.clients["owner"].cookies["csrftoken"] = CSRF
    posts = [each for each in EVERY_CASE if each[1].method == "POST"]
    assert len(posts) > 10

    for pattern, case in posts:
        headers = {"X-CSRFToken": token} if token else {}
        assert world.ask("owner", pattern, case, **headers).status_code == 403, pattern

    assert not provider.calls
    right = world.ask("owner", *posts[-1], **{"X-CSRFToken": CSRF})
    assert right.status_code == posts[-1][1].statuses[-1]


@pytest.mark.parametrize("role", sorted({*ROLES} - {"root"}))
def test_only_operators_come_in_to_the_admin(role: str, world: World) -> None:
    for pattern in patterns():
        if not pattern.startswith(OPERATORS):
            continue
        path = pattern
        for group, value in GROUPS.items():
            path = path.replace(group, value)
        answer = world.clients[role].get(f"/{path}")

        assert answer.status_code in (302, 403), path
        if answer.status_code == 302:
            goes_to = answer["Location"]
            assert "/login/" in goes_to or path == "admin/logout/", path
        else:
            assert role not in ("anonymous", "key"), path
        assert MARK.encode() not in _body(answer), path


def test_the_administrator_comes_in(world: World) -> None:
    assert world.clients["root"].get("/admin/").status_code == 200

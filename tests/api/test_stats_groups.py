"""`GET /stats?group_by=`: groups that sum to the total, for whom they are, and what is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from router_app.api import stats
from router_app.gateway.keys import create_key
from router_app.models import Conversation, User, Workspace
from tests.api.conftest import Asker, exact
from tests.factories import (
    make_call,
    make_conversation,
    make_decision,
    make_exchange,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
GROUPINGS = ("member", "key", "task", "model", "conversation")


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def team(alice: User, bob: User) -> Iterator[Workspace]:
    with time_machine.travel(NOW, tick=True):
        team = make_team(alice, member=[bob])
        for user, cost in ((alice, 3), (bob, 5)):
            _ask(user, team, cost)
        yield team


def _ask(user: User, team: Workspace, cost: int, *, days_ago: int = 0) -> Conversation:
    at = NOW - timedelta(days=days_ago)
    decision = make_decision(user, workspace=team, at=at)
    make_call(user, decision=decision, cost_nanos=cost, at=at)
    conversation = make_conversation(user, title=f"{user}'s secret plan", workspace=team)
    make_exchange(user, "?", decision=decision, conversation=conversation)
    return conversation


def _asker(user: User, team: Workspace) -> Asker:
    return Asker(create_key(user=user, name="tests", workspace_id=team.pk)[1])


def test_without_a_grouping_there_are_no_groups(asker: Asker) -> None:
    assert asker.get("/stats").json()["groups"] is None


@pytest.mark.parametrize("by", GROUPINGS)
def test_groups_sum_to_the_total(by: str, alice: User, team: Workspace) -> None:
    reply = exact(_asker(alice, team).get(f"/stats?whose=team&group_by={by}"))

    groups = reply["groups"]
    assert groups["group_by"] == by
    assert (groups["page"], groups["pages"]) == (1, 1)
    assert groups["count"] == len(groups["rows"])
    assert sum(row["cost"] for row in groups["rows"]) == reply["total_cost"]
    assert reply["total_cost"] == Decimal("0.000000008")
    assert sum(row["requests"] for row in groups["rows"]) == reply["total_requests"] == 2


def test_a_member_is_named(alice: User, bob: User, team: Workspace) -> None:
    reply = _asker(alice, team).get("/stats?whose=team&group_by=member").json()

    first = reply["groups"]["rows"][0]
    assert (first["kind"], first["id"], first["name"]) == ("member", str(bob.pk), "bob")


def test_titles_of_conversations_are_not_told_to_programs(alice: User, team: Workspace) -> None:
    asker = _asker(alice, team)
    for whose in ("mine", "team"):
        answer = asker.get(f"/stats?whose={whose}&group_by=conversation")

        assert "secret plan" not in answer.content.decode()
        rows = {row["kind"]: row for row in answer.json()["groups"]["rows"]}
        assert rows["conversation"]["name"] is None


@pytest.mark.parametrize("by", ["member", "key", "conversation"])
def test_only_admins_see_whose_it_is(by: str, bob: User, team: Workspace) -> None:
    answer = _asker(bob, team).get(f"/stats?whose=team&group_by={by}")

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "permission_denied"
    assert answer.json()["error"]["param"] == "group_by"


def test_a_member_sees_the_teams_totals_and_all_of_their_own(bob: User, team: Workspace) -> None:
    asker = _asker(bob, team)

    assert asker.get("/stats?whose=team&group_by=model").json()["total_requests"] == 2
    for by in GROUPINGS:
        reply = asker.get(f"/stats?group_by={by}").json()
        assert reply["total_requests"] == 1
        assert sum(row["requests"] for row in reply["groups"]["rows"]) == 1


def test_in_ones_own_workspace_the_team_is_oneself(asker: Asker, alice: User) -> None:
    make_call(alice)

    assert asker.get("/stats?whose=team&group_by=member").json()["groups"]["count"] == 1


def test_days_of_ones_own_choice(alice: User, team: Workspace) -> None:
    _ask(alice, team, 7, days_ago=10)
    asker = _asker(alice, team)

    reply = asker.get("/stats?since=2026-11-07&until=2026-11-08").json()
    assert (reply["total_requests"], reply["period"]) == (1, "custom")
    assert (reply["starts_at"], reply["ends_at"]) == (
        "2026-11-07T00:00:00Z", "2026-11-09T00:00:00Z",
    )  # fmt: skip
    assert asker.get("/stats?since=2026-11-07").json()["total_requests"] == 2
    assert asker.get("/stats?since=0001-01-01&until=9999-12-31").json()["total_requests"] == 2


def test_many_groups_come_by_pages(
    alice: User, team: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "GROUPS_A_PAGE", 1)
    asker = _asker(alice, team)

    pages = [
        asker.get(f"/stats?whose=team&group_by=member&page={n}").json()["groups"] for n in (1, 2, 3)
    ]

    assert [[row["name"] for row in page["rows"]] for page in pages] == [["bob"], ["alice"], []]
    assert {(page["count"], page["pages"]) for page in pages} == {(2, 2)}


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("group_by=nobody", "group_by"),
        ("group_by=", "group_by"),
        ("whose=everybody", "whose"),
        ("since=yesterday", "since"),
        ("since=1700000000", "since"),
        ("since=2026-02-30", "since"),
        ("until=2026-11-01T00:00:00Z", "until"),
        ("until=%00", "until"),
        ("since=2026-11-02&until=2026-11-01", "until"),
        ("period=week&since=2026-11-01", "period"),
        ("group_by=task&page=0", "page"),
        ("group_by=task&page=x", "page"),
        ("group_by=task&page=99999999999999999999", "page"),
    ],
)
def test_what_makes_no_sense_is_a_documented_error(query: str, param: str, asker: Asker) -> None:
    answer = asker.get(f"/stats?{query}")

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_request_error", param)

"""`/spending/`: who and what the money went to, for whom it is, and as files with the same sums."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from router_app.analytics.attribution import Grouping
from router_app.models import Membership, User
from router_app.money import nanos_from_usd, plain_usd
from router_app.web import spending
from tests.factories import (
    make_call,
    make_conversation,
    make_decision,
    make_exchange,
    make_key,
    make_model,
    make_user,
)
from tests.web.team import Team, make_team, page_of

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 15, 10, 30, tzinfo=UTC)
SECRET = "Severance of Charlie"


@pytest.fixture(autouse=True)
def _now():
    cache.clear()
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def team() -> Team:
    team = make_team()
    make_model("m/1", name="Model One")
    return team


def _ask(team: Team, user: User, cost: int, *, title: str = "", **fields: Any) -> None:
    decision = make_decision(user, workspace=team.workspace, at=NOW, **fields)
    make_call(user, decision=decision, cost_nanos=cost, at=NOW)
    if title:
        conversation = make_conversation(user, title=title, workspace=team.workspace)
        make_exchange(user, "?", decision=decision, conversation=conversation)


def _page(team: Team, user: User, **asked: str) -> str:
    response = team.browser(user).get("/spending/", asked)
    assert response.status_code == 200
    return page_of(response)


def _files(team: Team, user: User, **asked: str) -> tuple[list[dict[str, str]], list[Any]]:
    client = team.browser(user)
    text = client.get("/spending/export.csv", asked).content.decode()
    lines = client.get("/spending/export.jsonl", asked).content.decode().splitlines()
    return list(csv.DictReader(io.StringIO(text, newline=""))), [json.loads(line) for line in lines]


def test_an_admin_sees_what_each_member_spent(team):
    _ask(team, team.bob, 5_000_000)
    _ask(team, team.vera, 2_000_000)
    Membership.objects.filter(user=team.vera).exclude(workspace__personal_of=team.vera).update(
        left_at=NOW
    )
    page = _page(team, team.alice, whose="team", by="member")
    assert page.index("bob") < page.index("vera")
    for said in ("$0.005", "$0.002", "no longer a member", "71 %", "All 2 together", "$0.007"):
        assert said in page


@pytest.mark.parametrize("by", ["member", "key", "conversation"])
def test_only_admins_see_whose_it_is(team, by):
    _ask(team, team.alice, 5, title=SECRET)
    for user in (team.bob, team.vera):
        for path in ("/spending/", "/spending/export.csv", "/spending/export.jsonl"):
            response = team.browser(user).get(path, {"whose": "team", "by": by})
            assert response.status_code == 403
            assert SECRET not in page_of(response)


def test_members_and_viewers_see_the_teams_totals_by_model_and_task(team):
    _ask(team, team.alice, 5_000_000)
    for user in (team.bob, team.vera):
        for by, name in (("model", "Model One"), ("task", "General")):
            page = _page(team, user, whose="team", by=by)
            assert name in page
            assert "$0.005" in page
            assert "alice" not in page


def test_a_members_own_part_is_told_by_everything_and_has_nothing_of_others(team):
    _ask(team, team.bob, 3_000_000, title="My own plan")
    _ask(team, team.alice, 5_000_000, title=SECRET)
    for by in Grouping:
        page = _page(team, team.bob, by=by)
        assert "$0.003" in page
        assert "$0.005" not in page
        assert SECRET not in page
    assert "My own plan" in page


def test_an_admin_reads_no_titles_of_what_is_private(team):
    _ask(team, team.bob, 3_000_000, title=SECRET)
    asked = {"whose": "team", "by": "conversation"}
    assert "Private conversations of bob" in _page(team, team.alice, **asked)
    assert SECRET not in _page(team, team.alice, **asked)
    assert SECRET not in str(_files(team, team.alice, **asked))


def test_another_teams_spending_is_not_in_it(team):
    stranger = make_user("stranger")
    make_call(stranger, decision=make_decision(stranger, at=NOW), cost_nanos=7_000_000, at=NOW)
    assert "Nothing was spent" in _page(team, team.alice, whose="team")


def test_what_came_without_a_key_has_a_row(team):
    _ask(team, team.bob, 1_000_000)
    _ask(team, team.bob, 2_000_000, api_key=make_key(team.bob, workspace=team.workspace, name="ci"))
    page = _page(team, team.alice, whose="team", by="key")
    assert "Without a key" in page
    assert "ci" in page


def test_a_word_that_is_no_grouping_is_as_if_not_said(team):
    _ask(team, team.bob, 1_000_000)
    for word in ("", "nobody", "=1", "\x00"):
        assert "Bob" not in _page(team, team.bob, by=word)
        assert "$0.001" in _page(team, team.bob, by=word)


def test_without_a_word_an_admin_sees_members_and_everybody_else_models(team):
    _ask(team, team.bob, 1_000_000)
    assert "bob" in _page(team, team.alice, whose="team")
    for user in (team.bob, team.vera):
        assert "Model One" in _page(team, user, whose="team")
    assert "Model One" in _page(team, team.bob)


def test_the_days_can_be_chosen_and_the_grouping_stays(team):
    _ask(team, team.bob, 1_000_000)
    old = make_decision(team.bob, workspace=team.workspace, at=NOW - timedelta(days=60))
    make_call(team.bob, decision=old, cost_nanos=4_000_000, at=NOW - timedelta(days=60))
    page = _page(team, team.bob, by="task", range="custom", since="2026-09-01", until="2026-09-30")
    assert "$0.004" in page
    assert "$0.001" not in page
    assert '<input type="hidden" name="by" value="task">' in page
    assert "?range=7d&amp;by=task" in page


@pytest.mark.parametrize("by", Grouping)
def test_the_way_to_the_team_keeps_the_grouping_where_it_is_open_there(team, by):
    kept = f"by={by}"
    _ask(team, team.bob, 1)
    ways = {user: _way_to_the_team(team, user, by) for user in (team.alice, team.bob)}
    assert kept in ways[team.alice]
    assert (kept in ways[team.bob]) == (by in ("model", "task"))
    assert team.browser(team.bob).get(f"/spending/{ways[team.bob]}").status_code == 200


def _way_to_the_team(team: Team, user: User, by: str) -> str:
    found = re.search(r'href="(\?[^"]*whose=team[^"]*)">The team', _page(team, user, by=by))
    assert found
    return unescape(found[1])


@pytest.mark.parametrize("by", Grouping)
def test_files_sum_to_the_page_in_exact_dollars_and_nanos(team, by):
    for number, user in enumerate((team.alice, team.bob, team.vera, team.bob)):
        _ask(team, user, 10**6 + 7**number, title=f"Talk {number}")
    rows, objects = _files(team, team.alice, whose="team", by=by)
    total = 4 * 10**6 + 1 + 7 + 49 + 343
    assert sum(int(row["spent_nanos"]) for row in rows) == total
    assert sum(nanos_from_usd(row["spent_usd"]) for row in rows) == total
    assert sum(each["spent_nanos"] for each in objects) == total
    assert f'title="{plain_usd(total)} USD"' in _page(team, team.alice, whose="team", by=by)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_formula_in_a_name_is_defused(team, start):
    _ask(team, team.bob, 1, title=f"{start}HYPERLINK(1)")
    rows, objects = _files(team, team.bob, by="conversation")
    assert [row["name"] for row in rows] == [f"'{start}HYPERLINK(1)"]
    assert [each["name"] for each in objects] == [f"{start}HYPERLINK(1)"]


def test_a_hostile_title_is_escaped(team):
    _ask(team, team.bob, 1, title="<script>alert(1)</script>")
    page = _page(team, team.bob, by="conversation")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_many_groups_come_by_pages_and_the_total_is_of_all(team, monkeypatch):
    monkeypatch.setattr(spending, "PER_PAGE", 2)
    for number, user in enumerate((team.alice, team.bob, team.vera)):
        _ask(team, user, 10**6 * (number + 1))
    first = _page(team, team.alice, whose="team", by="member")
    second = _page(team, team.alice, whose="team", by="member", page="2")
    assert ("vera" in first, "Page 1 of 2" in first) == (True, True)
    assert "alice" in second
    for page in (first, second):
        assert "All 3 together" in page
        assert "$0.006" in page


def test_the_number_of_queries_does_not_depend_on_how_many_there_are(
    team, django_assert_max_num_queries
):
    client = team.browser(team.alice)
    for number in range(12):
        user = make_user(f"member{number}")
        Membership.objects.create(workspace=team.workspace, user=user, role="member")
        _ask(team, user, 10**6, title="x")
    for by in Grouping:
        with django_assert_max_num_queries(20):
            client.get("/spending/", {"whose": "team", "by": by})


def test_before_anything_is_spent_it_says_so(client: Client):
    client.force_login(make_user("new"))
    assert "Nothing was spent in these days" in page_of(client.get("/spending/"))

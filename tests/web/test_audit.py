"""The audit trail: written for every change, changed by nobody, read by those it is for."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from router_app.budgets.limits import create_budget
from router_app.gateway.keys import create_key, revoke
from router_app.gateway.rates import limit_key
from router_app.models import AuditEntry, Level
from tests.admin.conftest import no_rows
from tests.factories import DOLLAR, make_model, make_user
from tests.web.team import Team, make_team, page_of

pytestmark = pytest.mark.django_db
Action = AuditEntry.Action


@pytest.fixture
def team() -> Team:
    return make_team()


def _note(team: Team, subject: str, **fields) -> AuditEntry:
    fields = {"actor_id": team.alice.pk, "workspace_id": team.workspace.pk, **fields}
    return AuditEntry.note(fields.pop("action", Action.ROLE_CHANGED), subject, **fields)


def test_a_line_is_never_changed_or_deleted(team):
    entry = _note(team, "bob")
    entry.subject = "nobody"
    with pytest.raises(TypeError):
        entry.save()
    with pytest.raises(TypeError):
        entry.delete()


def test_it_says_who_changed_what_from_what_to_what(team):
    _note(team, "bob", before={"role": "viewer"}, after={"role": "member"})
    budget = {"before": {"limit_nanos": DOLLAR}, "after": {"limit_nanos": 2 * DOLLAR}}
    _note(team, "Monthly limit of Alpha", action=Action.LIMIT_CHANGED, **budget)

    page = page_of(team.browser(team.alice).get("/audit/"))

    for said in ("alice", "Role changed", "role: member, was viewer", "limit: $2.00, was $1.00"):
        assert said in page


def test_admins_read_their_own_workspaces_and_others_nothing(client, team):
    _note(team, "Zebrafish")
    AuditEntry.note(Action.PRICE_ADDED, "Platypus", actor_id=None)

    page = page_of(team.browser(team.alice).get("/audit/"))
    assert ("Zebrafish" in page, "Platypus" in page) == (True, False)
    for address in ("/audit/", "/audit/export.csv", "/audit/export.jsonl"):
        for person in (team.bob, team.vera):
            assert team.browser(person).get(address).status_code == 403
        assert "Zebrafish" not in page_of(team.browser(team.charlie).get(address))
        client.force_login(make_user(is_staff=True))  # may do nothing in particular
        assert "Zebrafish" not in page_of(client.get(address))
        client.force_login(make_user(is_staff=True, is_superuser=True))
        page = page_of(client.get(address))
        assert "Zebrafish" in page
        assert "Platypus" in page


def test_it_is_narrowed_by_action_person_and_days_of_the_reader(team, time_machine):
    time_machine.move_to("2026-11-10T23:30:00Z")  # 11 November in Tokyo
    _note(team, "Early")
    time_machine.move_to("2026-11-20T12:00:00Z")
    _note(team, "Late", action=Action.INVITED, actor_id=team.bob.pk)
    team.alice.time_zone = "Asia/Tokyo"
    team.alice.save()
    client = team.browser(team.alice)

    def shown(**asked: str) -> set[str]:
        page = page_of(client.get("/audit/", asked))
        exported = page_of(client.get("/audit/export.jsonl", asked))
        found = {word for word in ("Early", "Late") if word in page}
        assert found == {word for word in ("Early", "Late") if word in exported}
        return found

    assert shown() == {"Early", "Late"}
    assert shown(action="invitation.made") == {"Late"}
    assert shown(person="BOB") == {"Late"}
    assert shown(until="2026-11-10") == set()
    assert shown(until="2026-11-11") == {"Early"}
    assert shown(since="2026-11-12") == {"Late"}
    for sense_less in ({"since": "0001-01-01"}, {"until": "9999-12-31"}, {"since": "soon"}):
        assert shown(**sense_less) == {"Early", "Late"}
    assert shown(action="nonsense") == {"Early", "Late"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_csv_is_run_as_a_formula(team, start):
    _note(team, f"{start}HYPERLINK(1)", after={"role": "member"})
    text = team.browser(team.alice).get("/audit/export.csv").content.decode()
    head, row = csv.reader(io.StringIO(text, newline=""))
    line = dict(zip(head, row, strict=True))
    assert line["subject"] == f"'{start}HYPERLINK(1)"
    assert json.loads(line["after"]) == {"role": "member"}
    assert line["who"] == "alice"


def test_json_lines_are_as_they_are(team):
    _note(team, "=1", before={"limit_nanos": 1}, after={"limit_nanos": 2})
    response = team.browser(team.alice).get("/audit/export.jsonl")
    (line,) = response.content.decode().splitlines()
    told = json.loads(line)
    assert (told["subject"], told["before"], told["after"]) == (
        "=1", {"limit_nanos": 1}, {"limit_nanos": 2},
    )  # fmt: skip
    assert datetime.fromisoformat(told["at"]).astimezone(UTC)
    assert response["Content-Disposition"] == 'attachment; filename="audit.jsonl"'


def test_it_comes_by_pages(team):
    for number in range(60):
        _note(team, f"subject{number:02}.")
    page = page_of(team.browser(team.alice).get("/audit/", {"page": "2"}))
    assert ("subject09." in page, "subject10." in page) == (True, False)
    assert "60 entries" in page


def test_keys_leave_their_life_and_nothing_that_opens_anything(team):
    key, text = create_key(user=team.bob, name="ci", workspace_id=team.workspace.pk, by=team.bob)
    limit_key(key, requests_per_minute=5, concurrent_requests=None, by=team.bob)
    limit_key(key, requests_per_minute=5, concurrent_requests=None, by=team.bob)
    revoke(key, by=team.alice)
    revoke(key, by=team.bob)  # it is already

    entries = AuditEntry.objects.filter(action__startswith="key.").order_by("pk")
    assert [(e.action, e.actor) for e in entries] == [
        ("key.made", team.bob), ("key.limited", team.bob), ("key.revoked", team.alice),
    ]  # fmt: skip
    assert {entry.workspace for entry in entries} == {team.workspace}
    whole = team.browser(team.alice).get("/audit/export.csv").content.decode()
    assert "ci (bob)" in whole
    for secret in (text, text[:12], key.hash):
        assert secret not in whole


def test_a_commands_limit_has_no_author(team):
    create_budget(user=team.bob, period="day", limit_nanos=DOLLAR)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.workspace) == (None, team.bob.personal_workspace)
    assert entry.subject == "Daily limit (bob)"


class TestOperators:
    @pytest.fixture
    def root(self, client):
        root = make_user("root", is_staff=True, is_superuser=True)
        client.force_login(root)
        return root

    def test_prices_and_models_are_told(self, client, root):
        model = make_model(model_id="m/1", name="Model One")
        price = {"model": model.pk, "input": "0.08", "output": "0.31", "source": "their page",
                 "valid_from_0": "2026-11-01", "valid_from_1": "00:00"}  # fmt: skip
        client.post("/admin/router_app/price/add/", price)
        entry = AuditEntry.objects.get(action="price.added")
        assert (entry.actor, entry.after["input"]) == (root, "0.08")

        chosen = {"action": "switch_off", "_selected_action": [str(model.pk)]}
        client.post("/admin/router_app/languagemodel/", chosen)
        entry = AuditEntry.objects.get(action="model.changed")
        assert (entry.before, entry.after) == ({"status": "active"}, {"status": "off"})

    def test_a_limit_of_a_team_is_made_and_changed(self, client, root, team):
        new = {"level": "workspace", "workspace": team.workspace.pk, "period": "month",
               "task_type": "", "limit_nanos": "7"}  # fmt: skip
        client.post("/admin/router_app/budget/add/", new)
        budget = team.workspace.budgets.get()
        assert (budget.name, budget.time_zone) == ("Monthly limit of Alpha", "Africa/Cairo")
        assert (budget.set_by, budget.set_by_administrator) == (root, True)

        change = {"limit_nanos": "9", "name": "Team", "set_by_administrator": "on",
                  "is_active": "on", **no_rows("windows")}  # fmt: skip
        client.post(f"/admin/router_app/budget/{budget.pk}/change/", change)
        del change["is_active"]
        client.post(f"/admin/router_app/budget/{budget.pk}/change/", change)

        told = AuditEntry.objects.filter(workspace=team.workspace).order_by("pk")
        assert [(e.action, e.actor) for e in told] == [
            ("limit.set", root), ("limit.changed", root), ("limit.changed", root),
            ("limit.closed", root),
        ]  # fmt: skip
        assert told[1].after == {"limit_nanos": 9 * DOLLAR}
        assert told[2].after == {"name": "Team"}

    def test_a_level_without_whom_it_bounds_is_refused(self, client, root):
        new = {"level": Level.WORKSPACE, "period": "month", "task_type": "", "limit_nanos": "7"}
        response = client.post("/admin/router_app/budget/add/", new)
        assert "A limit of this level names workspace" in page_of(response)

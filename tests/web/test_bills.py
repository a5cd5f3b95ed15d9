"""`/bills/`: entered by administrators, set against the books, told in a plain verdict."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile

from router_app.bills import entering
from router_app.models import AuditEntry, Bill, Call, LanguageModel, User
from router_app.money import nanos_from_usd
from tests.factories import CENT, DOLLAR, correct_call, make_call, make_model, make_provider
from tests.factories import make_user as make_person
from tests.web.team import make_team, page_of

pytestmark = pytest.mark.django_db
OCTOBER = datetime(2026, 10, 10, 12, tzinfo=UTC)
ONE = {"period": "2026-10", "amount": "5", "time_zone": "UTC"}


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(datetime(2026, 11, 15, 10, 30, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def root(client) -> User:
    root = make_person("root", is_staff=True, is_superuser=True)
    client.force_login(root)
    return root


@pytest.fixture
def model() -> LanguageModel:
    return make_model("m/1", name="Model One")


def _spent(model: LanguageModel, nanos: int, **fields) -> Call:
    return make_call(make_person(), model, at=OCTOBER, cost_nanos=nanos, **fields)


def _enter(client, model: LanguageModel, **fields) -> str:
    sent = {**ONE, "model": model.pk, **fields}
    return page_of(client.post("/bills/", sent, follow=True))


def _send(client, table: str | bytes, **fields) -> str:
    data = table.encode() if isinstance(table, str) else table
    sent = {"file": SimpleUploadedFile("bill.csv", data), "time_zone": "UTC", **fields}
    return page_of(client.post("/bills/table/", sent, follow=True))


def test_a_bill_that_matches_says_so(client, root, model):
    _spent(model, 5 * DOLLAR + 1)
    page = _enter(client, model)
    for said in ("Bills: 1 entered.", "Matches to the cent", "October 2026"):
        assert said in page
    bill = Bill.objects.get()
    assert (bill.amount_nanos, bill.charged_nanos) == (5 * DOLLAR, 5 * DOLLAR + 1)
    assert (bill.entered_by, bill.model) == (root, model)


def test_a_difference_is_explained_by_what_is_presumed(client, root, model):
    _spent(model, 5 * DOLLAR)
    _spent(model, DOLLAR, outcome=Call.Outcome.PRESUMED)
    page = _enter(client, model)
    assert "Explained by presumed charges" in page
    assert "$1.00 above the bill" in page
    page = page_of(client.get(f"/bills/{Bill.objects.get().pk}/"))
    assert "Presumed charges" in page
    assert 'href="/budgets/presumed/"' in page


def test_what_nothing_explains_is_told_in_dollars(client, root, model):
    _spent(model, 5 * DOLLAR)
    assert "Not explained: $2.50" in _enter(client, model, amount="7.50")
    assert "$2.50 below the bill" in page_of(client.get("/bills/"))


def test_a_model_that_was_never_called_is_compared_with_nothing(client, root, model):
    page = _enter(client, model)
    assert "$5.00 below the bill" in page


def test_entering_the_same_period_again_replaces_the_bill_and_is_audited(client, root, model):
    _enter(client, model)
    assert "Bills: 1 checked again." in _enter(client, model)
    page = _enter(client, model, amount="6")
    assert "1 replaced" in page
    assert Bill.objects.get().amount_nanos == 6 * DOLLAR
    entries = AuditEntry.objects.filter(action__startswith="bill.").order_by("pk")
    assert [(e.action, e.actor, e.before, e.after) for e in entries] == [
        ("bill.entered", root, {}, {"amount_nanos": 5 * DOLLAR}),
        ("bill.replaced", root, {"amount_nanos": 5 * DOLLAR}, {"amount_nanos": 6 * DOLLAR}),
    ]
    assert {entry.workspace for entry in entries} == {None}
    assert "Bill replaced" in page_of(client.get("/audit/"))


def test_a_deleted_bill_stays_in_the_trail(client, root, model):
    _enter(client, model)
    page = page_of(client.post(f"/bills/{Bill.objects.get().pk}/delete/", follow=True))
    assert "is deleted" in page
    assert not Bill.objects.exists()
    entry = AuditEntry.objects.get(action="bill.deleted")
    assert entry.before == {"amount_nanos": 5 * DOLLAR}


def test_after_a_correction_it_is_checked_again(client, root, model):
    call = _spent(model, 6 * DOLLAR)
    _enter(client, model)
    correct_call(call, -DOLLAR)
    bill = Bill.objects.get()
    assert "$1.00 above" in page_of(client.get(f"/bills/{bill.pk}/"))
    page = page_of(client.post(f"/bills/{bill.pk}/check/", follow=True))
    assert "Matches to the cent" in page


def test_days_are_those_of_the_zone_that_is_named(client, root, model):
    make_call(root, model, cost_nanos=DOLLAR, at=datetime(2026, 9, 30, 22, tzinfo=UTC))
    _enter(client, model)
    _enter(client, model, time_zone="Europe/Berlin")
    charged = {bill.time_zone: bill.charged_nanos for bill in Bill.objects.all()}
    assert charged == {"UTC": 0, "Europe/Berlin": DOLLAR}


def test_a_period_that_is_not_over_is_told_apart(client, root, model):
    assert "the period was not over" in _enter(client, model, period="2026-11")
    assert _enter(client, model, period="2026-11-14").count("the period was not over") == 1


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("model", "999", "Select a valid choice"),
        ("model", "x", "Select a valid choice"),
        ("period", "3/4/2026", "could be two days"),
        ("period", "\x00", "Null characters"),
        ("amount", "-1", "Enter an amount"),
        ("amount", "2000000", "The highest amount here"),
        ("time_zone", "../../etc/passwd", "not a time zone"),
        ("time_zone", "Mars/Olympus", "not a time zone"),
    ],
)
def test_what_makes_no_sense_is_told_at_its_field(client, root, model, field, value, said):
    sent = {**ONE, "model": model.pk, field: value}
    assert said in page_of(client.post("/bills/", sent))
    assert not Bill.objects.exists()


class TestTables:
    def test_all_lines_are_entered_and_those_of_one_period_added_up(self, client, root, model):
        _spent(model, 3 * DOLLAR)
        page = _send(
            client,
            "Model;Month;Cost\nm/1;2026-10;1,50\nMODEL ONE;2026-10;$1,50\nm/1;2026-10-10;3\n",
        )
        assert "Bills: 2 entered." in page
        assert page.count("Matches to the cent") == 2

    def test_a_pasted_one_too(self, client, root, model):
        sent = {"pasted": "model,date,amount\nm/1,2026-10,1\n", "time_zone": "UTC"}
        assert "Bills: 1 entered." in page_of(client.post("/bills/table/", sent, follow=True))

    @pytest.mark.parametrize(
        ("table", "said"),
        [
            ("model,date,amount\nm/1,2026-10,1\nm/9,2026-10,1\n", "Line 3: no model is called"),
            ("model,date,amount\nm/1,2026-10,1\nm/1,2026-10,x\n", "Line 3, column “amount”"),
            ("model,vendor,date,amount\nm/1,nobody,2026-10,1\n", "no provider is called"),
            (b"\x00\x01\x02", "NUL"),
            (b"x" * 300_000, "larger than 256 KiB"),
        ],
    )
    def test_nothing_is_half_entered(self, client, root, model, table, said):
        page = _send(client, table)
        assert "Nothing was entered." in page
        assert said in page
        assert not Bill.objects.exists()
        assert not AuditEntry.objects.filter(action__startswith="bill.").exists()

    def test_no_file_and_no_text_is_told(self, client, root):
        page = page_of(client.post("/bills/table/", {"time_zone": "UTC"}))
        assert "Choose a file, or paste a table." in page

    def test_a_name_that_two_providers_have_wants_the_provider(self, client, root, model):
        make_model("m/1", provider=make_provider("groq"), name="Model One")
        table = "model,date,amount\nm/1,2026-10,1\n"
        assert "several models are called" in _send(client, table)
        assert "Bills: 1 entered." in _send(client, table, provider="groq")
        assert Bill.objects.get().model.provider.slug == "groq"

    def test_hostile_cells_are_shown_as_text(self, client, root, model):
        page = _send(client, "model,date,amount\n<script>alert(1)</script>,2026-10,1\n")
        assert "<script>alert" not in page
        page = _send(client, "model,date,amount\n=cmd|'/C calc'!A0,2026-10,=1+1\n")
        assert "is not an amount" in page

    def test_several_periods_are_a_query_each(self, client, root, model, monkeypatch):
        asked = []
        real = entering.findings_of
        monkeypatch.setattr(entering, "findings_of", lambda days: asked.append(days) or real(days))
        rows = "".join(f"m/1,2026-{month:02},1\nm/1,2026-{month:02},2\n" for month in range(1, 10))
        _send(client, f"model,date,amount\n{rows}")
        assert len(asked) == 9


class TestWho:
    @pytest.mark.parametrize("path", ["", "1/", "export.csv", "export.jsonl"])
    def test_nobody_but_the_sites_administrators_reads_bills(self, path, model):
        team = make_team()
        for user in (team.alice, team.bob, team.vera, team.charlie):
            assert team.browser(user).get(f"/bills/{path}").status_code == 403
        staff = make_person("clerk", is_staff=True)
        assert team.browser(staff).get(f"/bills/{path}").status_code == 403

    def test_nobody_else_changes_them(self, model, root, client):
        _enter(client, model)
        pk = Bill.objects.get().pk
        team = make_team()
        for path in ("", "table/", f"{pk}/check/", f"{pk}/delete/"):
            response = team.browser(team.alice).post(f"/bills/{path}", {**ONE, "model": model.pk})
            assert response.status_code == 403
        assert Bill.objects.get().entered_by == root

    def test_what_is_not_there_is_a_404(self, client, root):
        assert client.get("/bills/7/").status_code == 404
        assert client.post("/bills/7/delete/").status_code == 404

    def test_administrators_find_the_way_and_others_see_none(self, client, root):
        assert 'href="/bills/"' in page_of(client.get("/budgets/"))
        client.force_login(make_person("other"))
        assert 'href="/bills/"' not in page_of(client.get("/budgets/"))


class TestFiles:
    def test_they_say_the_same_exactly(self, client, root, model):
        _spent(model, 5 * DOLLAR + 7)
        _enter(client, model, amount="5.000000001")
        text = client.get("/bills/export.csv").content.decode()
        (row,) = csv.DictReader(io.StringIO(text, newline=""))
        (line,) = client.get("/bills/export.jsonl").content.decode().splitlines()
        told = json.loads(line)
        assert nanos_from_usd(row["billed_usd"]) == told["billed_nanos"] == 5 * DOLLAR + 1
        assert nanos_from_usd(row["charged_usd"]) == told["charged_nanos"] == 5 * DOLLAR + 7
        assert (row["difference_nanos"], told["difference_nanos"]) == ("6", 6)
        assert told["verdict"] == "Matches to the cent"

    def test_formulas_are_defused(self, client, root):
        model = make_model("=HYPERLINK(1)", name="Formula")
        _enter(client, model, amount=str(CENT / DOLLAR))
        text = client.get("/bills/export.csv").content.decode()
        (row,) = csv.DictReader(io.StringIO(text, newline=""))
        assert row["model"] == "'=HYPERLINK(1)"


def test_the_list_reads_no_calls_however_many_there_are(
    client, root, model, django_assert_max_num_queries
):
    rows = "".join(f"m/1,2026-10-{day:02},1\n" for day in range(1, 31))
    _send(client, f"model,date,amount\n{rows}")
    with django_assert_max_num_queries(20) as seen:
        client.get("/bills/")
    assert not [q for q in seen.captured_queries if 'FROM "router_app_call"' in q["sql"]]

"""A filled database is as good as one that was used: its books are clean, its sums right."""

import pytest
from django.core.management import call_command
from django.db.models import Sum
from django.utils import timezone

from bench import fill_sql
from bench.fill import Filling, NotEmpty, fill
from router_app.budgets.reconcile import differences
from router_app.models import (
    Call,
    ClosedCall,
    LedgerEntry,
    Reservation,
    RoutingDecision,
    UsageRollup,
    Window,
)

TABLES = [RoutingDecision, Reservation, Call, LedgerEntry, ClosedCall]


@pytest.fixture
def filled(db: None, catalog: None, settings: object) -> None:
    settings.DEMO_BASE_URL = "http://127.0.0.1:1/v1"  # type: ignore[attr-defined]
    list(fill(Filling(calls=200, days=40, people=3), timezone.now()))


@pytest.mark.usefixtures("filled")
def test_the_books_of_a_filled_database_are_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(differences(timezone.now())) == []
    assert [model.objects.count() for model in TABLES] == [200, 200, 200, 400, 200]
    call_command("check_ledger")


@pytest.mark.usefixtures("filled")
def test_windows_and_usage_hold_what_the_calls_cost() -> None:
    cost = Call.objects.aggregate(cost=Sum("cost_nanos"))["cost"]

    assert Window.objects.aggregate(spent=Sum("spent_nanos"))["spent"] == cost
    days = UsageRollup.objects.filter(seconds=86_400).aggregate(
        cost=Sum("cost_nanos"), calls=Sum("calls")
    )
    assert days == {"cost": cost, "calls": 200}


@pytest.mark.usefixtures("filled")
def test_a_database_with_calls_is_left_alone() -> None:
    with pytest.raises(NotEmpty):
        list(fill(Filling(calls=1), timezone.now()))


def test_every_column_is_given_a_value() -> None:
    for table, columns, _ in fill_sql.inserts("sqlite", "{}"):
        model = next(model for model in TABLES if model._meta.db_table == table)
        wanted = {field.column for field in model._meta.concrete_fields}
        assert wanted - {"id"} == set(columns) - {"id"}

"""Two processes never wait for each other in a circle: budgets are locked before windows.

PostgreSQL would end one of them after a second; the requests of that batch wait as long.
"""

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from router_app.budgets.limits import create_budget
from router_app.models import Budget, Reservation, User, Window
from tests.gateway.asking import a_request
from tests.gateway.batching import SECONDS, Batch, a_person, admitted
from tests.gateway.books import assert_clean
from tests.serving.processes import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer"),
]


def another_process() -> psycopg.Connection:
    """A connection to the tests' own database that takes locks and keeps them."""
    database = connection.settings_dict
    return psycopg.connect(
        dbname=database["NAME"],
        user=database["USER"],
        host=database["HOST"],
        port=database["PORT"] or 5432,
    )


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone() is not None


@pytest.mark.parametrize("besides", ["nothing", "a closing", "what is overdue"])
def test_who_waits_for_a_budget_holds_no_window(
    alice: User, batches: list[Batch], besides: str
) -> None:
    (admission,) = admitted(batches, a_request(alice))
    if besides == "what is overdue":
        Reservation.objects.update(lease_ends_at=timezone.now())
    bob = a_person("bob")
    new = create_budget(user=bob, period="total", limit_nanos=10**12)

    with another_process() as other:
        other.execute(f"SELECT 1 FROM {Budget._meta.db_table} WHERE id = {new.pk} FOR UPDATE")
        batch = Batch()
        batches.append(batch)
        done = [batch.ask(a_request(alice)), batch.ask(a_request(bob))]
        if besides == "a closing":
            done.append(batch.close(admission))
        batch.go()
        wait_until(somebody_waits)
        other.execute(f"SELECT 1 FROM {Window._meta.db_table} FOR UPDATE NOWAIT")

    for future in done:
        future.result(SECONDS)
    assert Window.objects.filter(budget=new).count() == 1
    assert_clean()

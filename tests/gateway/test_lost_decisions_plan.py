"""Looking for requests that were left running reads those alone, however many there are."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from router_app.gateway.expiry import expire_overdue
from router_app.models import RoutingDecision
from tests.factories import make_decision, make_model, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL keeps statistics")
def test_it_goes_by_the_index_of_running_ones() -> None:
    user, model = make_user(), make_model()
    old = timezone.now() - timedelta(hours=1)
    lost = make_decision(user, models=[model], at=old, outcome="running")
    for _ in range(50):
        make_decision(user, models=[model], at=old, outcome="answered")

    with CaptureQueriesContext(connection) as queries:
        expire_overdue(now=timezone.now())

    assert RoutingDecision.objects.get(pk=lost.pk).outcome == "interrupted"
    looks = [q["sql"] for q in queries if q["sql"].startswith("SELECT") and "'running'" in q["sql"]]
    assert looks
    with connection.cursor() as cursor:
        for sql in looks:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = " ".join(str(row) for row in cursor.fetchall())
            assert "running_decisions" in plan

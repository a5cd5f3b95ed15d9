"""What is read of conversations and of a provider's month is ranges of indexes, however many."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from router_app.analytics.conversation_sums import conversation_sums
from router_app.analytics.ranges import Bucket
from router_app.analytics.scope import Scope
from router_app.bills.findings import Days, findings_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL keeps statistics"),
]
MONTH = Bucket(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))


def plan_of(read: Any) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        read()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {queries[0]['sql']}")
        return [str(row[-1]) for row in cursor.fetchall()]


@pytest.mark.parametrize("user_id", [7, None])
def test_conversations(user_id: int | None) -> None:
    scope = Scope(1, user_id, "UTC")
    plan = plan_of(lambda: conversation_sums(scope, MONTH, reader_id=7))
    for index in ("conversations_by_owner", "messages_in_order (", "(decision_id=?)"):
        assert any(line.startswith("SEARCH") and index in line for line in plan), index
    assert any("shared_conversations" in line for line in plan) == (user_id is None)
    scans = [line for line in plan if line.startswith("SCAN")]
    assert not [line for line in scans if line.split()[1] in ("call", "message")]


def test_a_month_of_everybodys_calls() -> None:
    plan = plan_of(lambda: findings_of(Days(date(2026, 10, 1), date(2026, 10, 31), "UTC")))
    assert any("calls_by_workspace_and_time (workspace_id=? AND created_at" in p for p in plan)
    assert "SCAN call" not in plan

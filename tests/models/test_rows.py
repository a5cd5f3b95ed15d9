"""Many rows in one statement: the values that come back are those that were given."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from router_app.models import Budget, LanguageModel, Reservation, RoutingDecision, Window
from router_app.models.ids import new_id
from router_app.models.rows import (
    insert_rows,
    instant,
    select,
    update_counted,
    update_in_order,
    update_rows,
)
from tests.factories import make_budget, make_decision, make_model, make_user, make_window

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 23, 12, 0, 0, 123_456, tzinfo=UTC)
COLUMNS = ("id", "user_id", "state", "amount_nanos", "lease_ends_at", "created_at", "sent_at")


def test_ids_instants_and_nothing_survive_the_way_in() -> None:
    user = make_user()
    abroad = NOON.astimezone(timezone(timedelta(hours=5, minutes=45)))
    ids = [uuid.uuid4(), uuid.uuid4()]
    insert_rows(
        Reservation,
        COLUMNS,
        [
            (ids[0], user.pk, "sent", 2**62, abroad, NOON.replace(microsecond=0), NOON),
            (ids[1], user.pk, "held", 0, NOON, NOON, None),
        ],
    )
    first, second = (Reservation.objects.get(pk=pk) for pk in ids)
    assert (first.amount_nanos, first.lease_ends_at, first.sent_at) == (2**62, NOON, NOON)
    assert first.created_at == NOON.replace(microsecond=0)
    assert (second.state, second.sent_at) == ("held", None)
    # What was written this way is found the ORM's way.
    assert Reservation.objects.filter(lease_ends_at__lte=NOON).count() == 2


def test_text_and_documents_survive_the_way_in() -> None:
    user = make_user()
    prompt = '\'; DROP TABLE "x" -- 🙂\n\t% %s ? {}'
    row = (new_id(), user.pk, user.personal_workspace.pk, "route", "general", "low", None,
           "", prompt, '{"a": ["é", 1]}', True, "running", 0, NOON)  # fmt: skip
    columns = ("id", "user_id", "workspace_id", "face", "task_type", "quality", "budget_nanos",
               "requested_model", "prompt", "receipt", "quality_met", "outcome",
               "cost_nanos", "created_at")  # fmt: skip
    insert_rows(RoutingDecision, columns, [row])
    decision = RoutingDecision.objects.get(pk=row[0])
    assert decision.prompt == prompt
    assert decision.receipt == {"a": ["é", 1]}
    assert decision.quality_met is True and decision.budget_nanos is None


def test_only_rows_that_meet_the_condition_change_and_are_named() -> None:
    budget = make_budget(make_user(), 100)
    windows = [make_window(budget, NOON - timedelta(days=days)) for days in (1, 2, 3)]
    Window.objects.filter(pk=windows[1].pk).update(spent_nanos=50)
    changed = update_in_order(
        Window,
        ("id", "reserved_nanos"),
        [(window.pk, 60) for window in windows],
        adding=frozenset({"reserved_nanos"}),
        only="spent_nanos + reserved_nanos + new_reserved_nanos <= limit_nanos",
        returning=("id", "reserved_nanos"),
    )
    assert sorted(changed) == [(windows[0].pk, 60), (windows[2].pk, 60)]
    assert [Window.objects.get(pk=w.pk).reserved_nanos for w in windows] == [60, 0, 60]


def test_how_many_meet_the_condition_is_told() -> None:
    budget = make_budget(make_user(), 100)
    windows = [make_window(budget, NOON - timedelta(days=days)) for days in (1, 2, 3)]
    rows = [(window.pk, 60 + place) for place, window in enumerate(windows)]
    assert update_counted(Window, ("id", "spent_nanos"), rows, only="new_spent_nanos > 60") == 2
    assert update_counted(Window, ("id", "spent_nanos"), rows[:1], only="spent_nanos > 60") == 0
    assert [Window.objects.get(pk=w.pk).spent_nanos for w in windows] == [0, 61, 62]


def test_set_and_added_at_once() -> None:
    decision = make_decision(make_user(), models=[make_model()])
    for _ in range(2):
        update_rows(
            RoutingDecision,
            ("id", "cost_nanos", "outcome", "closed_at"),
            [(decision.pk, 5, "answered", NOON)],
            adding=frozenset({"cost_nanos"}),
        )
    decision.refresh_from_db()
    assert (decision.cost_nanos, decision.outcome) == (10, "answered")
    assert decision.closed_at == NOON


def test_nothing_is_asked_for_no_rows() -> None:
    insert_rows(Budget, ("id",), [])
    update_rows(LanguageModel, ("id", "name"), [])
    assert update_counted(LanguageModel, ("id", "name"), [], only="") == 0


def test_what_is_read_is_in_utc() -> None:
    window = make_window(make_budget(make_user()), NOON, ends_at=NOON + timedelta(days=1))
    sql = "SELECT starts_at, ends_at FROM router_app_window WHERE id = ? AND starts_at <= ?"
    ((starts_at, ends_at),) = select(sql, [window.pk, NOON])
    assert instant(starts_at) == NOON
    assert instant(ends_at) == NOON + timedelta(days=1)
    assert instant(None) is None


def test_ids_are_version_7_and_rise_with_time() -> None:
    ids = [new_id() for _ in range(100)]
    assert {(each.version, each.variant) for each in ids} == {(7, uuid.RFC_4122)}
    assert len(set(ids)) == 100
    milliseconds = [each.int >> 80 for each in ids]
    assert milliseconds == sorted(milliseconds)
    assert abs(milliseconds[0] / 1000 - datetime.now(UTC).timestamp()) < 60

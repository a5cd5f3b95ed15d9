"""The rollup says what the calls say: whatever is closed, retried and corrected, in any order."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router_app.analytics.usage import (
    DAY,
    HOUR,
    KEY,
    QUARTER,
    SUMS,
    UsageFacts,
    Whose,
    add_usage,
)
from router_app.models import Call, LanguageModel, UsageRollup, User
from tests import factories as make

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 15, 12, 0, tzinfo=UTC)
Rows = dict[tuple[Any, ...], tuple[int, ...]]


def whose(user: User, model: LanguageModel, task: str = "general") -> Whose:
    return Whose(user.personal_workspace.pk, user.pk, model.pk, task)


def rolled_up(user: User) -> Rows:
    """What the rollup says; rows that say nothing are left out."""
    rows = UsageRollup.objects.filter(user=user).values_list(*KEY, *SUMS)
    return {row[: len(KEY)]: row[len(KEY) :] for row in rows if any(row[len(KEY) :])}


def summed_up(user: User) -> Rows:
    """What it must say, by reading every call."""
    sums: dict[tuple[Any, ...], Counter[str]] = {}
    for call in Call.objects.filter(user=user).exclude(outcome="running"):
        for seconds in (QUARTER, HOUR, DAY):
            start = _start(call.created_at, seconds)
            key = (call.workspace_id, user.pk, seconds, start, call.model_id, call.task_type,
                   call.decision.api_key_id or 0)  # fmt: skip
            sums.setdefault(key, Counter()).update(_figures(call))
    found = {key: tuple(each[name] for name in SUMS) for key, each in sums.items()}
    return {key: row for key, row in found.items() if any(row)}


def _start(moment: datetime, seconds: int) -> datetime:
    return datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, UTC)


def _figures(call: Call) -> dict[str, int]:
    later = Call.objects.filter(
        decision=call.decision, attempt__gt=call.attempt, sent_at__isnull=False
    ).exclude(outcome="running")
    return {
        "calls": 1,
        "requests": int(call.sent_at is not None and not later.exists()),
        "cost_nanos": call.total_nanos,
        **{name: getattr(call, name) for name in SUMS[3:]},
    }


@pytest.fixture
def alice() -> User:
    return make.make_user("alice")


def test_a_call_is_in_one_period_of_each_length(alice: User) -> None:
    call = make.make_call(alice, at=NOON + timedelta(minutes=44, seconds=59), cost_nanos=7,
                          estimated_nanos=9, cached_tokens=8, reasoning_tokens=12)  # fmt: skip
    found = {key[2:4]: dict(zip(SUMS, row, strict=True)) for key, row in rolled_up(alice).items()}
    assert set(found) == {
        (QUARTER, NOON + timedelta(minutes=30)),
        (HOUR, NOON),
        (DAY, NOON.replace(hour=0)),
    }
    for row in found.values():
        assert row == {
            "calls": 1, "requests": 1, "cost_nanos": 7, "estimated_nanos": 9,
            "input_tokens": call.input_tokens, "cached_tokens": 8,
            "output_tokens": call.output_tokens, "reasoning_tokens": 12,
        }  # fmt: skip


def test_whatever_zone_the_moment_is_told_in(alice: User) -> None:
    model = make.make_model()
    for zone in ("Asia/Kathmandu", "America/St_Johns", "UTC"):
        moment = NOON.astimezone(ZoneInfo(zone))
        add_usage([UsageFacts(whose(alice, model), moment)])
    assert [row[0] for row in rolled_up(alice).values()] == [3, 3, 3]


def test_many_calls_are_one_statement(alice: User) -> None:
    models = make.make_catalogue().values()
    facts = [
        UsageFacts(whose(alice, model, task), NOON + timedelta(minutes=minutes), cost_nanos=1)
        for model in models
        for task in ("code", "email")
        for minutes in (0, 1, 14)
    ]
    with CaptureQueriesContext(connection) as asked:
        add_usage(facts)
    assert len(asked) <= 1
    assert {row[:3] for row in rolled_up(alice).values()} == {(3, 3, 3)}


def test_more_rows_than_a_statement_takes(alice: User) -> None:
    model = make.make_model()
    add_usage([
        UsageFacts(whose(alice, model), NOON + timedelta(hours=hours), cost_nanos=1)
        for hours in range(400)
    ])  # fmt: skip
    for seconds in (QUARTER, HOUR, DAY):
        rows = UsageRollup.objects.filter(seconds=seconds)
        assert sum(row.calls for row in rows) == sum(row.cost_nanos for row in rows) == 400


def test_nothing_closed_writes_nothing(alice: User) -> None:
    add_usage([])
    assert not UsageRollup.objects.exists()


def test_amounts_that_floats_cannot_hold(alice: User) -> None:
    facts = UsageFacts(whose(alice, make.make_model()), NOON, cost_nanos=2**53 + 1)
    add_usage([facts, replace(facts, cost_nanos=1)])
    add_usage([replace(facts, cost_nanos=1)])
    assert {row[2] for row in rolled_up(alice).values()} == {2**53 + 3}


def test_what_is_undone_is_not_counted(alice: User) -> None:
    model = make.make_model()
    with pytest.raises(KeyError), transaction.atomic():
        add_usage([UsageFacts(whose(alice, model), NOON)])
        raise KeyError
    assert rolled_up(alice) == {}


def test_a_request_counts_where_its_last_attempt_that_was_sent_does(alice: User) -> None:
    models = list(make.make_catalogue().values())
    midnight = NOON.replace(hour=0)
    first = make.make_call(alice, models[0], outcome="failed", at=midnight - timedelta(seconds=1))
    make.make_call(alice, models[1], decision=first.decision, at=midnight)
    make.make_call(alice, models[2], decision=first.decision, sent=False, outcome="failed",
                   at=midnight)  # fmt: skip
    requests = {(key[3], key[4]): row[1] for key, row in rolled_up(alice).items()}
    assert requests[midnight - timedelta(days=1), models[0].pk] == 0
    assert requests[midnight, models[1].pk] == 1
    assert requests[midnight, models[2].pk] == 0


attempts = st.lists(
    st.fixed_dictionaries({
        "request": st.integers(0, 5),
        "model": st.integers(0, 2),
        "task": st.sampled_from(["code", "general"]),
        "minutes": st.integers(-2_000, 2_000),
        "sent": st.booleans(),
        "cost": st.integers(0, 2**40),
        "tokens": st.integers(0, 10**6),
        "closed_with": st.integers(0, 4),  # those with the same number are closed together
        "correction": st.sampled_from([0, 0, 0, -5, 2**33]),
    }),
    max_size=14,
)  # fmt: skip


@settings(max_examples=30, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(attempts)
def test_any_sequence(db: None, attempts: list[dict[str, Any]]) -> None:
    user = make.make_user()
    models = [_model(f"model-{number}") for number in range(3)]
    calls = _admitted(user, models, attempts)
    for batch in range(5):
        _close([c for c, a in zip(calls, attempts, strict=True) if a["closed_with"] == batch])
        assert rolled_up(user) == summed_up(user)
    for call, attempt in zip(calls, attempts, strict=True):
        if attempt["correction"]:
            make.correct_call(call, attempt["correction"])
            assert rolled_up(user) == summed_up(user)


def _model(model_id: str) -> LanguageModel:
    return LanguageModel.objects.filter(model_id=model_id).first() or make.make_model(model_id)


def _admitted(
    user: User, models: list[LanguageModel], attempts: list[dict[str, Any]]
) -> list[Call]:
    """Running calls; attempts of one request follow each other and are closed in that order."""
    decisions: dict[int, Any] = {}
    latest: Counter[int] = Counter()
    calls = []
    for each in attempts:
        number = each["request"]
        if number not in decisions:
            decisions[number] = make.make_decision(user, task_type=each["task"])
        latest[number] = each["closed_with"] = max(latest[number], each["closed_with"])
        calls.append(make.make_call(
            user, models[each["model"]], decision=decisions[number], outcome="running",
            sent=each["sent"], at=NOON + timedelta(minutes=each["minutes"]),
        ))  # fmt: skip
        calls[-1].cost_nanos, calls[-1].input_tokens = each["cost"], each["tokens"]
        calls[-1].output_tokens = each["tokens"] // 3
    return calls


def _close(calls: Sequence[Call]) -> None:
    for call in calls:
        call.outcome = Call.Outcome.ANSWERED
        call.save()
    add_usage([UsageFacts.of(call) for call in calls])

"""Sums put together from the rollup, from calls at the edges and from what is under way."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router_app.analytics.cells import Totals, cells, sum_totals
from router_app.analytics.ranges import Bucket, custom_range
from router_app.analytics.scope import Scope
from router_app.models import Call, RoutingDecision, User
from tests import factories as make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 15, 10, 30, tzinfo=UTC)
WIDE = [Bucket(NOW - timedelta(days=3), NOW + timedelta(days=3))]
Cells = dict[tuple[int, int, str], Totals]


def read(user: User, buckets: list[Bucket]) -> Cells:
    found = cells(Scope.own(user), buckets)
    return {(cell.bucket, cell.model_pk, cell.task): cell.totals for cell in found}


def counted(user: User, buckets: list[Bucket]) -> Cells:
    """The same by looking at every call; also at those under way."""
    found: dict[tuple[int, int, str], Counter[str]] = {}
    for call in Call.objects.filter(user=user):
        for number, bucket in enumerate(buckets):
            if bucket.starts_at <= call.created_at < bucket.ends_at:
                key = (number, call.model_id, call.task_type)
                found.setdefault(key, Counter()).update(_parts(call))
    return {key: Totals(**sums) for key, sums in found.items()}


def _parts(call: Call) -> dict[str, int]:
    later = Call.objects.filter(
        decision=call.decision, attempt__gt=call.attempt, sent_at__isnull=False
    )
    return {
        "requests": int(call.sent_at is not None and not later.exists()),
        "cost_nanos": call.total_nanos,
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
    }


class TestWhatIsUnderWay:
    @pytest.fixture
    def alice(self) -> User:
        return make.make_user()

    def test_counts_as_soon_as_it_is_sent(self, alice: User) -> None:
        make.make_call(alice, outcome="running", at=NOW)
        make.make_call(alice, outcome="running", sent=False, at=NOW)
        assert sum_totals(cells(Scope.own(alice), WIDE)) == Totals(requests=1)

    def test_a_further_attempt_counts_instead_of_the_one_before(self, alice: User) -> None:
        first, second = list(make.make_catalogue().values())[:2]
        failed = make.make_call(alice, first, outcome="failed", at=NOW)
        decision = failed.decision
        RoutingDecision.objects.filter(pk=decision.pk).update(outcome="running")
        make.make_call(alice, second, decision=decision, outcome="running", at=NOW)
        found = read(alice, WIDE)
        assert found[0, first.pk, "general"].requests == 0
        assert found[0, second.pk, "general"].requests == 1

    def test_an_attempt_not_sent_yet_replaces_nothing(self, alice: User) -> None:
        failed = make.make_call(alice, outcome="failed", at=NOW)
        decision = failed.decision
        RoutingDecision.objects.filter(pk=decision.pk).update(outcome="running")
        make.make_call(alice, decision=decision, outcome="running", sent=False, at=NOW)
        assert sum_totals(cells(Scope.own(alice), WIDE)).requests == 1

    def test_of_others_is_not_seen(self, alice: User) -> None:
        make.make_call(make.make_user("bob"), outcome="running", at=NOW)
        assert cells(Scope.own(alice), WIDE) == []


requests = st.lists(
    st.lists(
        st.fixed_dictionaries({
            "model": st.integers(0, 1),
            "seconds": st.integers(-3 * 86_400, 3 * 86_400),
            "sent": st.booleans(),
            "cost": st.integers(0, 2**40),
        }),
        min_size=1,
        max_size=3,
    ),
    max_size=5,
)  # fmt: skip
spans = st.one_of(
    st.tuples(st.integers(-4, 4), st.integers(-4, 4), st.sampled_from([
        "UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Chatham",
    ])),
    st.tuples(st.integers(-200_000, 0), st.integers(1, 200_000), st.none()),
)  # fmt: skip


@settings(max_examples=50, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(requests, st.booleans(), spans)
def test_any_range_of_any_calls(
    db: None,
    requests: list[list[dict[str, Any]]],
    runs: bool,
    wanted: tuple[int, int, str | None],
) -> None:
    user = make.make_user()
    for attempts in requests:
        _ask(user, attempts, last_runs=runs)
    buckets = _buckets(*wanted)
    assert read(user, buckets) == counted(user, buckets)


def _ask(user: User, attempts: list[dict[str, Any]], *, last_runs: bool) -> None:
    decision = make.make_decision(user, at=NOW)
    models = [make.make_model(f"model-{decision.pk}-{number}") for number in range(2)]
    for number, each in enumerate(attempts, start=1):
        runs = last_runs and number == len(attempts)
        make.make_call(
            user, models[each["model"]], decision=decision, sent=each["sent"],
            outcome="running" if runs else "failed", cost_nanos=each["cost"], billed=each["sent"],
            at=NOW + timedelta(seconds=each["seconds"]),
        )  # fmt: skip


def _buckets(first: int, last: int, zone: str | None) -> list[Bucket]:
    if zone is None:
        middle = NOW + timedelta(seconds=(first + last) // 2, microseconds=1)
        ends = (NOW + timedelta(seconds=first), NOW + timedelta(seconds=last))
        cuts = sorted({ends[0], middle, ends[1]})
        return [Bucket(a, b) for a, b in pairwise(cuts)]
    today = NOW.date()
    days = sorted((today + timedelta(days=first), today + timedelta(days=last)))
    far = datetime.combine(date(2027, 1, 1), NOW.time(), tzinfo=UTC)
    return custom_range(days[0], days[1], zone=ZoneInfo(zone), now=far).buckets()

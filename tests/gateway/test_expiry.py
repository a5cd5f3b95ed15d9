"""The clock closes for everybody, so what it cannot close must not be everybody's trouble."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone

from router_app.analytics.usage_rebuild import total_differences
from router_app.budgets.limits import create_budget
from router_app.gateway import expiry
from router_app.gateway.requests import Admission
from router_app.models import Call, ClosedCall, Reservation, RoutingDecision, User, Window
from tests.gateway.asking import a_request
from tests.gateway.batching import Batch, admitted
from tests.gateway.books import assert_clean, assert_nothing_held

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_call_that_cannot_be_closed_stops_nobody(
    alice: User,
    batches: list[Batch],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, lost = admitted(batches, a_request(alice), a_request(alice))
    real = expiry.note_closed

    def note_closed(calls: Sequence[Call]) -> None:
        if broken.call_id in {call.pk for call in calls}:
            raise IntegrityError("somebody's SQL closed it half")
        real(calls)

    monkeypatch.setattr(expiry, "note_closed", note_closed)
    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        (served,) = admitted(batches, a_request(alice))

    assert isinstance(served, Admission)
    assert Call.objects.get(pk=lost.call_id).outcome == "presumed"
    left = Reservation.objects.get(pk=broken.reservation_id)
    assert left.state == "sent"  # whole or not at all
    assert str(broken.reservation_id) in caplog.text
    assert "somebody" not in caplog.records[0].getMessage()


def test_many_are_closed_each_as_it_stood(alice: User, batches: list[Batch]) -> None:
    create_budget(user=alice, period="day", limit_nanos=10**10)
    admissions = admitted(batches, *[a_request(alice) for _ in range(5)])
    unsent = [each.reservation_id for each in admissions[:2]]
    Reservation.objects.filter(pk__in=unsent).update(state="held", sent_at=None)
    Call.objects.filter(reservation__in=unsent).update(sent_at=None)

    later = timezone.now() + timedelta(minutes=5)
    assert expiry.expire_overdue(now=later) == (3, 2)
    assert expiry.expire_overdue(now=later) == (0, 0)

    costs = [Call.objects.get(pk=each.call_id).cost_nanos for each in admissions]
    assert costs == [0, 0, *(each.reserved_nanos for each in admissions[2:])]
    for window in Window.objects.all():
        assert (window.spent_nanos, window.overage_nanos) == (sum(costs), 0)
    for each, cost in zip(admissions, costs, strict=True):
        decision = RoutingDecision.objects.get(pk=each.decision_id)
        assert (decision.outcome, decision.cost_nanos) == ("interrupted", cost)
    assert ClosedCall.objects.count() == 5
    assert list(total_differences()) == []
    assert_nothing_held()
    assert_clean()

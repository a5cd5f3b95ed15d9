"""Requests that come together are admitted and closed together, each as if it were alone."""

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from router_app.budgets.limits import create_budget
from router_app.errors import BudgetExceeded, NotAuthenticated, PermissionDenied
from router_app.gateway import expiry, keys
from router_app.gateway.ended import Ending
from router_app.gateway.requests import Admission
from router_app.models import Call, RoutingDecision, User, Window
from router_app.providers.base import Usage
from tests.gateway.asking import a_request
from tests.gateway.batching import SECONDS, Batch, a_person, admitted
from tests.gateway.books import assert_clean, assert_nothing_held

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_batch_takes_no_more_than_there_is(alice: User, batches: list[Batch]) -> None:
    (one,) = admitted(batches, a_request(alice, max_tokens=64))
    Window.objects.update(limit_nanos=one.reserved_nanos * 4)  # and one of them is held already

    outcomes = admitted(batches, *[a_request(alice, max_tokens=64) for _ in range(20)])

    passed = [outcome for outcome in outcomes if isinstance(outcome, Admission)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, BudgetExceeded)]
    assert (len(passed), len(refused)) == (3, 17)
    window = Window.objects.get()
    assert window.reserved_nanos == window.limit_nanos
    assert {refusal.refusal.available_nanos for refusal in refused} == {0}
    assert_clean()


def test_people_share_a_batch_and_no_money(alice: User, batches: list[Batch]) -> None:
    bob, carol = a_person("bob"), a_person("carol")
    create_budget(user=bob, period="day", limit_nanos=1)
    closed = a_person("closed")
    User.objects.filter(pk=closed.pk).update(is_active=False)

    rich, poor, without, gone = admitted(
        batches, a_request(alice), a_request(bob), a_request(carol), a_request(closed)
    )

    assert isinstance(rich, Admission)
    assert isinstance(poor, BudgetExceeded) and poor.refusal.budget == "Daily limit"
    assert isinstance(without, BudgetExceeded) and without.refusal.budget == "none"
    assert isinstance(gone, PermissionDenied)
    assert RoutingDecision.objects.get().user == alice
    assert_clean()


def test_a_record_that_fails_undoes_its_own_request_alone(
    alice: User, batches: list[Batch]
) -> None:
    def fails(_: object) -> uuid.UUID | None:
        raise ValueError("no")

    batch = Batch()
    batches.append(batch)
    first = batch.ask(a_request(alice))
    failing = batch.ask(a_request(alice), fails)
    last = batch.ask(a_request(alice))
    batch.go()

    held = [future.result(SECONDS)[0].reserved_nanos for future in (first, last)]
    with pytest.raises(ValueError, match="no"):
        failing.result(SECONDS)
    assert Window.objects.get().reserved_nanos == sum(held)
    assert Call.objects.count() == RoutingDecision.objects.count() == 2
    assert_clean()


def test_one_that_the_clock_closed_does_not_hold_up_the_others(
    alice: User, batches: list[Batch]
) -> None:
    early, late = admitted(batches, a_request(alice), a_request(alice))
    after = timezone.now() + timedelta(minutes=5)
    with time_machine.travel(after):
        (fresh,) = admitted(batches, a_request(alice))  # and closes the other two by the clock

    batch = Batch()
    batches.append(batch)
    ends = [batch.close(admission) for admission in (early, fresh, late)]
    batch.go()

    costs = [future.result(SECONDS).cost_nanos for future in ends]
    assert costs[0] == early.reserved_nanos and costs[2] == late.reserved_nanos
    assert 0 < costs[1] < fresh.reserved_nanos
    assert_nothing_held()
    assert_clean()


def test_ends_of_a_batch_are_booked_each_at_its_own_cost(alice: User, batches: list[Batch]) -> None:
    requests = [a_request(alice) for _ in range(4)]
    billed, free, presumed, dear = admitted(batches, *requests)
    batch = Batch()
    batches.append(batch)
    futures = [
        batch.close(billed),
        batch.close(free, Ending(outcome=Call.Outcome.FAILED, released=True)),
        batch.close(presumed, Ending(outcome=Call.Outcome.FAILED)),
        batch.close(dear, Ending(outcome=Call.Outcome.ANSWERED, usage=Usage(10, 10**6))),
    ]
    batch.go()
    results = [future.result(SECONDS) for future in futures]

    window = Window.objects.get()
    assert results[1].cost_nanos == 0
    assert results[2].cost_nanos == presumed.reserved_nanos
    assert window.overage_nanos == results[3].cost_nanos - dear.reserved_nanos > 0
    assert window.spent_nanos + window.overage_nanos == sum(r.cost_nanos for r in results)
    (statement,) = results[0].budgets
    assert statement.free_nanos == window.limit_nanos - window.spent_nanos - window.overage_nanos
    assert_nothing_held()
    assert_clean()


def test_a_key_that_is_revoked_spends_nothing_from_then_on(
    alice: User, batches: list[Batch]
) -> None:
    row, _ = keys.create_key(user=alice, name="program")
    request = a_request(alice, api_key_id=row.pk)
    (before,) = admitted(batches, request)
    keys.revoke(row)
    (after,) = admitted(batches, request)
    assert isinstance(before, Admission)
    assert isinstance(after, NotAuthenticated)


def test_a_new_limit_holds_from_the_next_request_on(alice: User, batches: list[Batch]) -> None:
    (before,) = admitted(batches, a_request(alice))
    create_budget(user=alice, period="day", limit_nanos=1)
    (after,) = admitted(batches, a_request(alice))
    assert isinstance(before, Admission)
    assert isinstance(after, BudgetExceeded)


def test_the_clock_closes_for_everybody_at_anybodys_request(
    alice: User, batches: list[Batch]
) -> None:
    bob = a_person("bob")
    create_budget(user=bob, period="month", limit_nanos=10**9)
    (lost,) = admitted(batches, a_request(alice))
    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        admitted(batches, a_request(bob))
        assert Call.objects.get(pk=lost.call_id).outcome == "presumed"
        assert expiry.expire_overdue(now=timezone.now()) == (0, 0)
    assert_clean()

"""A window that owes more than its limit buys nothing, and harms nobody but its owner."""

from collections.abc import Sequence
from datetime import datetime

import pytest

from router_app.budgets import ledger
from router_app.budgets.limits import create_budget, set_limit
from router_app.errors import BudgetExceeded
from router_app.gateway.requests import Admission
from router_app.models import Budget, CatalogRevision, Price, User, Window
from tests.gateway.asking import a_request
from tests.gateway.batching import Batch, a_person, admitted
from tests.gateway.books import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)
FREE = "llama-3.1-8b-instant"


@pytest.fixture
def debtor(alice: User, batches: list[Batch]) -> User:
    """Somebody whose limit was lowered below what is held; and a model that costs nothing."""
    Price.objects.filter(model__model_id=FREE).update(input=0, output=0, cached_input=0)
    CatalogRevision.objects.update(number=10**6)
    bob = a_person("bob")
    budget = create_budget(user=bob, period="month", limit_nanos=10**9)
    (held,) = admitted(batches, a_request(bob))
    assert isinstance(held, Admission) and held.reserved_nanos > 0
    set_limit(budget, limit_nanos=0, now=held.admitted_at)
    return bob


def test_not_even_from_a_model_that_is_free(debtor: User, batches: list[Batch]) -> None:
    (refused,) = admitted(batches, a_request(debtor, model=FREE))
    assert isinstance(refused, BudgetExceeded)
    assert refusal_says(refused) == ("Monthly limit", 0, 0)
    assert_clean()


def test_whoever_asks_in_the_same_moment_is_served(
    alice: User, debtor: User, batches: list[Batch]
) -> None:
    refused, served = admitted(batches, a_request(debtor, model=FREE), a_request(alice))
    assert isinstance(refused, BudgetExceeded)
    assert isinstance(served, Admission)
    assert Window.objects.get(budget__user=alice).reserved_nanos == served.reserved_nanos
    assert_clean()


def test_a_window_that_is_used_up_and_owes_nothing_still_takes_what_is_free(
    debtor: User, batches: list[Batch]
) -> None:
    window = Window.objects.get(budget__user=debtor)
    set_limit(Budget.objects.get(user=debtor), limit_nanos=window.reserved_nanos,
              now=window.starts_at)  # fmt: skip
    (served,) = admitted(batches, a_request(debtor, model=FREE))
    assert isinstance(served, Admission) and served.reserved_nanos == 0


def test_whoever_loses_every_race_loses_it_alone(
    alice: User, batches: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = a_person("bob")
    create_budget(user=bob, period="month", limit_nanos=10**9)
    real = ledger.reserve_many

    def another_is_quicker(holds: Sequence[ledger.Hold], *, now: datetime) -> None:
        if any(hold.user_id == bob.pk for hold in holds):
            raise ledger.DoesNotFit(frozenset())
        real(holds, now=now)

    monkeypatch.setattr(ledger, "reserve_many", another_is_quicker)
    refused, served = admitted(batches, a_request(bob), a_request(alice))
    assert isinstance(refused, BudgetExceeded)
    assert isinstance(served, Admission)
    assert_clean()


def refusal_says(refused: BudgetExceeded) -> tuple[str, int, int]:
    refusal = refused.refusal
    return refusal.budget, refusal.available_nanos, refusal.limit_nanos

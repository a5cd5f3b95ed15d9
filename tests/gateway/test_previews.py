"""A price is asked for with every key press in the composer: it must be nobody's trouble."""

import asyncio

import pytest

from router_app.errors import BudgetExceeded
from router_app.gateway import service
from router_app.gateway.asked import Sizes
from router_app.models import User
from tests.gateway.asking import a_request
from tests.gateway.batching import SECONDS, Batch

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_refused_one_does_not_undo_the_batch_it_is_in(alice: User, batches: list[Batch]) -> None:
    request = a_request(alice, budget="0.000000001")
    done: list[str] = []
    batch = Batch()
    batches.append(batch)
    batch.do(lambda: done.append("before"))
    refused = batch.do(lambda: service._preview(request, Sizes.of(request)))
    batch.do(lambda: done.append("after"))
    batch.go()

    assert isinstance(refused.result(SECONDS), BudgetExceeded)
    assert done == ["before", "after"]


def test_whoever_asked_hears_of_it(alice: User) -> None:
    with pytest.raises(BudgetExceeded):
        asyncio.run(service.preview(a_request(alice, budget="0.000000001")))

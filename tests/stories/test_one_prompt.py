"""One prompt, from asking to the books."""

import pytest
from django.utils import timezone

from router_app.budgets.reconcile import differences
from router_app.models import Call, LedgerEntry, Reservation, RoutingDecision, User, Window
from router_app.providers.base import Finished, TextDelta, Usage
from router_app.providers.scripted import ScriptedProvider
from tests.gateway.asking import ask

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_prompt(alice: User, provider: ScriptedProvider) -> None:
    # The provider will say it read 12 tokens and wrote 300.
    provider.enqueue(TextDelta("Quick"), TextDelta("sort…"), Finished("stop", Usage(12, 300)))

    answer = ask(alice, "Explain quicksort", task="code", quality="high")

    # The 70B wins code/high with 88 + 15, and the reason says so.
    assert answer.model == "llama-3.3-70b-versatile"
    assert answer.text == "Quicksort…"
    chosen = answer.decision.chosen
    assert chosen is not None and chosen.score.total == 103

    # 12 in at $0.59 and 300 out at $0.79 per million: 7,080 + 237,000 nanos.
    assert answer.cost_nanos == 244_080
    assert provider.calls[0].max_output_tokens == chosen.estimate.cap_tokens

    # The month has that much less, nothing is held, and every step is in the journal.
    window = Window.objects.get()
    assert (window.spent_nanos, window.reserved_nanos) == (244_080, 0)
    assert window.free_nanos == 5_000_000_000 - 244_080
    assert [entry.kind for entry in LedgerEntry.objects.all()] == ["reserve", "settle"]

    # The call and its decision are on record, with the receipt.
    call = Call.objects.get()
    assert (call.outcome, call.usage_source) == ("answered", "reported")
    assert call.reservation.state == Reservation.State.SETTLED
    decision = RoutingDecision.objects.get(pk=answer.decision_id)
    assert decision.outcome == "answered" and decision.cost_nanos == 244_080
    assert decision.receipt["policy_version"].startswith("policy ")
    assert list(differences(timezone.now())) == []

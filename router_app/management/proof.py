"""The proof that a budget holds: many calls at once at one that has room for few.

Everything is real but the provider: decisions, the ledger, the writer, the runs. The provider
answers only after the whole burst has been admitted or refused, so that every call that passed is
held at the same moment, and then bills each to the last token of what was held.
"""

import asyncio
import secrets
from dataclasses import dataclass

from django.utils import timezone

from router_app.budgets import limits
from router_app.errors import BudgetExceeded
from router_app.gateway import service
from router_app.gateway.execution import Run
from router_app.gateway.requests import Face, RouteRequest
from router_app.gateway.writer import writer
from router_app.models import Budget, Period, User, Window
from router_app.providers.base import Finished, TextDelta, Usage
from router_app.providers.registry import use_provider
from router_app.providers.scripted import Gate, ScriptedProvider
from router_app.routing.candidates import Estimate

PROMPT = "Say in one word whether this budget holds."
CAP_TOKENS = 64
ARRIVAL_SECONDS = 60.0  # for admitted calls to reach the provider


@dataclass(frozen=True, slots=True)
class Proof:
    """What happened. Amounts in nano-dollars; `held` is as of before any answer."""

    model: str
    asked: int
    room: int
    passed: int
    refused: int
    failed: int
    called: int
    call_nanos: int
    limit_nanos: int
    held_nanos: int
    billed_nanos: int
    spent_nanos: int
    still_held_nanos: int

    @property
    def faults(self) -> list[str]:
        """What a budget that holds would not have done; empty if it holds."""
        expected = min(self.asked, self.room)
        checks = (
            (self.passed != expected, f"{self.passed} passed where {expected} fit"),
            (self.failed > 0, f"{self.failed} got neither an answer nor a refusal by the budget"),
            (self.called != self.passed, f"the provider was called {self.called} times"),
            (self.held_nanos > self.limit_nanos, "more was held than the limit allows"),
            (self.spent_nanos > self.limit_nanos, "more was spent than the limit allows"),
            (self.spent_nanos != self.billed_nanos, "what is booked is not what was billed"),
            (self.still_held_nanos != 0, "money is still held after all has ended"),
        )
        return [said for is_so, said in checks if is_so]


@dataclass(frozen=True, slots=True)
class Burst:
    """How each of the requests was received, and what the budget held at that moment."""

    outcomes: list[Run | BaseException]
    held_nanos: int


class GatedProvider(ScriptedProvider):
    """Answers nothing before its gate opens, then bills exactly what was held for each call."""

    def __init__(self, estimate: Estimate) -> None:
        usage = Usage(estimate.bound_input_tokens, estimate.cap_tokens)
        self.gate: Gate
        super().__init__((TextDelta("It holds."), Finished("stop", usage)), gate=Gate())


def temporary_person() -> User:
    """An account that nobody can sign in to, without a limit until the size of a call is known."""
    name = f"prove-{timezone.now():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    return User.objects.create_user(name, unlimited=True)


def retire(person: User) -> None:
    """Close the account. Its rows stay: what is in the journal is never deleted."""
    for budget in Budget.objects.filter(user=person, is_active=True):
        limits.close_budget(budget)
    User.objects.filter(pk=person.pk).update(is_active=False)


def prove(person: User, *, calls: int, room: int) -> Proof:
    """Fire `calls` requests at once at a budget that holds `room` of them.

    Raises RouterError where not even one call could be made: no model is in use.
    """
    preview = asyncio.run(service.preview(_request(person)))
    estimate = preview.decision.chosen.estimate if preview.decision.chosen else None
    assert estimate is not None  # noqa: S101  a preview without a candidate has raised
    budget = _budget(person, room * estimate.ceiling_nanos)
    provider = GatedProvider(estimate)
    with use_provider(provider):
        burst = asyncio.run(_burst(_request(person, preview.spec.id), calls, provider, budget))
    window = Window.objects.get(budget=budget)
    passed = sum(isinstance(outcome, Run) for outcome in burst.outcomes)
    refused = sum(isinstance(outcome, BudgetExceeded) for outcome in burst.outcomes)
    return Proof(
        model=preview.spec.name,
        asked=calls,
        room=room,
        passed=passed,
        refused=refused,
        failed=calls - passed - refused,
        called=len(provider.calls),
        call_nanos=estimate.ceiling_nanos,
        limit_nanos=window.limit_nanos,
        held_nanos=burst.held_nanos,
        billed_nanos=len(provider.bill) * estimate.ceiling_nanos,
        spent_nanos=window.spent_nanos + window.overage_nanos,
        still_held_nanos=window.reserved_nanos,
    )


def _request(person: User, model: str | None = None) -> RouteRequest:
    return RouteRequest(
        user_id=person.pk,
        face=Face.COMMAND,
        messages=({"role": "user", "content": PROMPT},),
        model=model,
        max_tokens=CAP_TOKENS,
    )


def _budget(person: User, limit_nanos: int) -> Budget:
    User.objects.filter(pk=person.pk).update(unlimited=False)
    return limits.create_budget(
        user=person, period=Period.TOTAL, limit_nanos=limit_nanos, set_by_administrator=True
    )


async def _burst(
    request: RouteRequest, calls: int, provider: GatedProvider, budget: Budget
) -> Burst:
    """All at once; what is held is read when every admitted call waits at the provider."""
    outcomes = await asyncio.gather(
        *(service.start(request) for _ in range(calls)), return_exceptions=True
    )
    runs = [outcome for outcome in outcomes if isinstance(outcome, Run)]
    try:
        await asyncio.wait_for(provider.arrived(len(runs)), ARRIVAL_SECONDS)
        held_nanos = await writer.run(lambda: _used(budget))
    finally:
        provider.gate.open()
        await asyncio.gather(*(run.finished() for run in runs), return_exceptions=True)
    return Burst(outcomes, held_nanos)


def _used(budget: Budget) -> int:
    window = Window.objects.get(budget=budget)
    return window.reserved_nanos + window.spent_nanos + window.overage_nanos

"""Decide and reserve, in one transaction: the bread above the filling.

Everything here runs on the writer thread. What is free is read, the decision is made on it, and the
ledger holds the ceiling with a conditional UPDATE. Where another process took the money between the
reading and the holding, the decision is made again on what is left.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from router_app.budgets import ledger
from router_app.budgets.plans import applying_budgets, current_windows
from router_app.catalog.snapshot import Snapshot, current_snapshot
from router_app.errors import PermissionDenied, RouterError
from router_app.estimates.tokens import estimate_input_tokens, input_bound_base
from router_app.gateway.closing import expire_overdue
from router_app.gateway.cooling import cooling
from router_app.gateway.refusals import error_of, without_budget
from router_app.gateway.requests import Admission, Face, RouteRequest
from router_app.models import Call, Reservation, RoutingDecision, User, Window
from router_app.routing.choose import decide
from router_app.routing.decision import Decision
from router_app.routing.request import Funds, RoutingRequest

# Runs in the admission's transaction; returns the id of the message to write the answer into.
Recorder = Callable[[Admission | RouterError], uuid.UUID | None]

TRIES = 5  # decisions made anew because another process was quicker


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which attempt of a request is to be admitted, and what the ones before it taught."""

    number: int = 1
    decision_id: uuid.UUID | None = None
    excluded: Mapping[str, str] | None = None  # model id -> why it is out, in words
    only: str | None = None  # retry this very model
    seconds_left: float | None = None  # of the whole request's time


@dataclass(frozen=True, slots=True)
class Sizes:
    """Token counts of the messages; computed once, outside the transaction."""

    input_tokens: int
    input_bound_base: int

    @classmethod
    def of(cls, request: RouteRequest) -> "Sizes":
        """Measure a request."""
        return cls(estimate_input_tokens(request.messages), input_bound_base(request.messages))


def admit(
    request: RouteRequest, sizes: Sizes, attempt: Attempt, record: Recorder | None = None
) -> tuple[Admission | RouterError, uuid.UUID | None]:
    """Hold the money for one attempt, or return (not raise) why not, so that the record is kept."""
    now = timezone.now()
    expire_overdue(now=now, user_id=request.user_id)
    outcome = _admit(request, sizes, attempt, now)
    return outcome, record(outcome) if record else None


def preview(request: RouteRequest, sizes: Sizes) -> tuple[Decision, Snapshot]:
    """The decision as it would be made now; nothing is held or written but empty windows.

    Raises the error that a real request would be answered with.
    """
    now = timezone.now()
    snapshot = current_snapshot(now)
    windows = _windows(request, now)
    if isinstance(windows, RouterError):
        raise windows
    decision = _decide(request, sizes, Attempt(), snapshot, windows)
    if decision.chosen is None:
        raise error_of(decision, windows)
    return decision, snapshot


def _admit(
    request: RouteRequest, sizes: Sizes, attempt: Attempt, now: datetime
) -> Admission | RouterError:
    snapshot = current_snapshot(now)
    tries_left = TRIES
    while True:
        windows = _windows(request, now)
        if isinstance(windows, RouterError):
            return windows
        decision = _decide(request, sizes, attempt, snapshot, windows)
        if decision.chosen is None or tries_left == 0:
            return error_of(decision, windows)
        try:
            reservation = _reserve(request, decision, windows, attempt, now)
        except ledger.DoesNotFit:
            tries_left -= 1
            continue
        return _write(request, decision, snapshot, reservation, attempt)


def _windows(request: RouteRequest, now: datetime) -> list[Window] | RouterError:
    """The windows that must hold the money. Nobody spends without a limit by accident."""
    user = User.objects.only("is_active", "unlimited").filter(pk=request.user_id).first()
    if user is None or not user.is_active:
        return PermissionDenied("This account is closed.")
    budgets = applying_budgets(request.user_id, request.task)
    if not budgets and not user.unlimited:
        return without_budget(request.task)
    return current_windows(budgets, now)


def _decide(
    request: RouteRequest,
    sizes: Sizes,
    attempt: Attempt,
    snapshot: Snapshot,
    windows: list[Window],
) -> Decision:
    cooled = {
        spec.id: reason
        for spec in snapshot.specs
        if spec.id != attempt.only and (reason := cooling.cooled(spec.provider, spec.id))
    }
    routing_request = RoutingRequest(
        task=request.task,
        quality=request.quality,
        budget_nanos=request.budget_nanos,
        input_tokens=sizes.input_tokens,
        input_bound_base=sizes.input_bound_base,
        model=request.model,
        max_tokens=request.max_tokens,
        allow_lower_quality=request.allow_lower_quality,
        excluded={**cooled, **(attempt.excluded or {})},
        only=attempt.only,
    )
    funds = [Funds(window.budget.name, window.free_nanos) for window in windows]
    return decide(routing_request, snapshot.specs, snapshot.policy, funds)


def _reserve(
    request: RouteRequest,
    decision: Decision,
    windows: list[Window],
    attempt: Attempt,
    now: datetime,
) -> Reservation:
    assert decision.chosen is not None and decision.chosen.estimate is not None  # noqa: S101
    seconds = attempt.seconds_left or settings.CALL_TOTAL_SECONDS
    return ledger.reserve(
        user_id=request.user_id,
        windows=windows,
        amount_nanos=decision.chosen.estimate.ceiling_nanos,
        now=now,
        lease_ends_at=now + timedelta(seconds=seconds + settings.LEASE_MARGIN_SECONDS),
    )


def _write(
    request: RouteRequest,
    decision: Decision,
    snapshot: Snapshot,
    reservation: Reservation,
    attempt: Attempt,
) -> Admission:
    row_id = attempt.decision_id or uuid.uuid4()
    if attempt.decision_id is None:
        _decision_row(request, decision, row_id, reservation.created_at)
    else:
        RoutingDecision.objects.filter(pk=row_id).update(
            receipt=decision.as_dict(), quality_met=decision.quality_met
        )
    call = _call_row(request, decision, row_id, reservation, attempt)
    spec = snapshot.spec(decision.chosen.id) if decision.chosen else None
    assert spec is not None and spec.rates is not None  # noqa: S101
    return Admission(
        decision_id=row_id,
        call_id=call.pk,
        reservation_id=reservation.pk,
        attempt=attempt.number,
        decision=decision,
        spec=spec,
        provider=snapshot.providers[spec.provider],
        rates=spec.rates,
        cap_tokens=call.output_cap_tokens,
        reserved_nanos=reservation.amount_nanos,
    )


def _decision_row(
    request: RouteRequest, decision: Decision, row_id: uuid.UUID, now: datetime
) -> None:
    keeps_prompts = User.objects.filter(pk=request.user_id, store_prompts=True).exists()
    RoutingDecision.objects.create(
        id=row_id,
        user_id=request.user_id,
        api_key_id=request.api_key_id,
        face=request.face,
        task_type=request.task,
        quality=request.quality,
        budget_nanos=request.budget_nanos,
        requested_model=request.model or "",
        prompt=request.prompt if keeps_prompts and request.face != Face.CHAT else "",
        receipt=decision.as_dict(),
        quality_met=decision.quality_met,
        created_at=now,
    )


def _call_row(
    request: RouteRequest,
    decision: Decision,
    row_id: uuid.UUID,
    reservation: Reservation,
    attempt: Attempt,
) -> Call:
    chosen = decision.chosen
    assert chosen is not None and chosen.estimate is not None  # noqa: S101
    return Call.objects.create(
        decision_id=row_id,
        attempt=attempt.number,
        reservation=reservation,
        user_id=request.user_id,
        model_id=chosen.model_pk,
        price_id=chosen.price_pk,
        task_type=request.task,
        quality=request.quality,
        output_cap_tokens=chosen.estimate.cap_tokens,
        estimated_nanos=chosen.estimate.estimated_cost_nanos,
        reserved_nanos=reservation.amount_nanos,
        created_at=reservation.created_at,
    )

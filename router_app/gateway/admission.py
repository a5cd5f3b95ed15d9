"""Decide and reserve, in one transaction: the bread above the filling.

Everything here runs on the writer thread, for all requests that wait at that moment. What is free
is read once, the decisions are made one after the other on what the ones before leave, and the
ledger holds all of it with conditional UPDATEs. Where another process took the money between the
reading and the holding, the decisions are made again on what is left.

A call that is admitted is marked as sent in the same transaction: it leaves at once, and a server
that is killed in between has its calls presumed, not forgotten.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from router_app.budgets import ledger
from router_app.budgets.plans import OpenWindow, current_windows
from router_app.catalog.snapshot import Snapshot, current_snapshot
from router_app.errors import NotAuthenticated, PermissionDenied, RouterError
from router_app.gateway.access import access, read_revisions
from router_app.gateway.admitted import write_admitted
from router_app.gateway.asked import Asked, Attempt, Outcome, Sizes
from router_app.gateway.cooling import cooling
from router_app.gateway.expiry import expire_at_admission
from router_app.gateway.refusals import error_of, without_budget
from router_app.gateway.requests import Admission, RouteRequest
from router_app.models import Reservation
from router_app.models.ids import new_ids
from router_app.providers.cooling import Key
from router_app.routing.candidates import Candidate
from router_app.routing.choose import decide
from router_app.routing.decision import Decision
from router_app.routing.request import Funds, RoutingRequest

TRIES = 5  # decisions made anew because another process was quicker
_IDS_OF_AN_ADMISSION = 3  # at most: its decision's, its call's, its reservation's


@dataclass(frozen=True, slots=True)
class _Moment:
    """What holds for all that is decided together."""

    now: datetime
    snapshot: Snapshot
    resting: Mapping[Key, str]  # the models to be left alone, and why

    @classmethod
    def of(cls, asked: Sequence[Asked]) -> "_Moment":
        """What is remembered, checked against the database; what is overdue is closed first."""
        now = timezone.now()
        revisions = read_revisions(now)
        access.note(revisions.access)
        if revisions.any_overdue:
            _open_windows(asked, now)  # closing changes windows, and budgets are locked before them
        expire_at_admission(now, any_overdue=revisions.any_overdue)
        snapshot = current_snapshot(now, revisions.catalog)
        resting = cooling.resting((spec.provider, spec.id) for spec in snapshot.specs)
        return cls(now, snapshot, resting)

    def excluded(self, attempt: Attempt) -> Mapping[str, str]:
        """Model ids that this attempt is not to go to, and why. A retry goes where it is told."""
        taught = attempt.excluded or {}
        if not self.resting:
            return taught
        resting = {model: why for (_, model), why in self.resting.items() if model != attempt.only}
        return {**resting, **taught}


def admit_all(asked: Sequence[Asked]) -> list[Outcome]:
    """Hold the money of each, or return (not raise) why not, so that the record is kept."""
    if standing := _standing(asked):
        return standing
    outcomes = _admit_all(asked, _Moment.of(asked))
    for item, outcome in zip(asked, outcomes, strict=True):
        item.made.append((outcome, item.record(outcome) if item.record else None))
    return [item.made[-1] for item in asked]


def preview(request: RouteRequest, sizes: Sizes) -> tuple[Decision, Snapshot]:
    """The decision as it would be made now; nothing is held or written but empty windows.

    Raises the error that a real request would be answered with.
    """
    asked = Asked(request, sizes)
    moment = _Moment.of([asked])
    windows = _windows_of(request, _open_windows([asked], moment.now), moment.now)
    if isinstance(windows, RouterError):
        raise windows
    decision = _decide(asked, moment, windows)
    if decision.chosen is None:
        raise error_of(decision, windows)
    return decision, moment.snapshot


def _standing(asked: Sequence[Asked]) -> list[Outcome]:
    """What came of a request that is done again, where that was committed after all."""
    if len(asked) > 1:
        return []  # what is done again is done alone
    made = asked[0].made
    return [each for each in made if isinstance(each[0], Admission) and _is_committed(each[0])]


def _is_committed(admission: Admission) -> bool:
    return Reservation.objects.filter(pk=admission.reservation_id).exists()


def _admit_all(asked: Sequence[Asked], moment: _Moment) -> list[Admission | RouterError]:
    now = moment.now
    for _ in range(TRIES):
        windows = _open_windows(asked, now)
        ids = iter(new_ids(_IDS_OF_AN_ADMISSION * len(asked)))
        outcomes = [_admit(item, moment, windows, ids) for item in asked]
        admitted = [outcome for outcome in outcomes if isinstance(outcome, Admission)]
        try:
            ledger.reserve_many([_hold_of(item) for item in admitted], now=now)
        except ledger.DoesNotFit:
            continue  # another process was quicker: decide on what it left
        write_admitted(
            [
                (item.request, item.attempt, outcome)
                for item, outcome in zip(asked, outcomes, strict=True)
                if isinstance(outcome, Admission)
            ],
            now,
        )
        return outcomes
    if len(asked) > 1:
        raise ledger.DoesNotFit(frozenset())  # each is tried alone: the others' money is there
    return [_lost_the_race(item, moment) for item in asked]


def _admit(
    item: Asked,
    moment: _Moment,
    open_windows: Mapping[int, OpenWindow],
    ids: Iterator[uuid.UUID],
) -> Admission | RouterError:
    """Decide on what is free now, and take the ceiling off it for those that follow."""
    windows = _windows_of(item.request, open_windows, moment.now)
    if isinstance(windows, RouterError):
        return windows
    decision = _decide(item, moment, windows)
    chosen = decision.chosen
    if chosen is None:
        return error_of(decision, windows)
    windows = _that_pay(windows, chosen.model_pk)
    amount = chosen.priced.ceiling_nanos
    for window in windows:
        window.reserved_nanos += amount
    return _admission(item, decision, chosen, moment, windows, ids)


def _admission(
    item: Asked,
    decision: Decision,
    chosen: Candidate,
    moment: _Moment,
    windows: list[OpenWindow],
    ids: Iterator[uuid.UUID],
) -> Admission:
    attempt, priced = item.attempt, chosen.priced
    spec = moment.snapshot.spec(chosen.id)
    assert spec is not None and spec.rates is not None  # noqa: S101
    seconds = attempt.seconds_left or settings.CALL_TOTAL_SECONDS
    return Admission(
        decision_id=attempt.decision_id or next(ids),
        call_id=next(ids),
        reservation_id=next(ids),
        attempt=attempt.number,
        decision=decision,
        spec=spec,
        provider=moment.snapshot.providers[spec.provider],
        rates=spec.rates,
        cap_tokens=priced.cap_tokens,
        reserved_nanos=priced.ceiling_nanos,
        user_id=item.request.user_id,
        workspace_id=access.workspace_of(item.request) or 0,
        api_key_id=item.request.api_key_id,
        windows=tuple(windows),
        lease_ends_at=moment.now + timedelta(seconds=seconds + settings.LEASE_MARGIN_SECONDS),
        admitted_at=moment.now,
    )


def _hold_of(admission: Admission) -> ledger.Hold:
    return ledger.Hold(
        user_id=admission.user_id,
        window_ids=[window.pk for window in admission.windows],
        amount_nanos=admission.reserved_nanos,
        lease_ends_at=admission.lease_ends_at,
        reservation_id=admission.reservation_id,
        sent_at=admission.admitted_at,
    )


def _open_windows(asked: Sequence[Asked], now: datetime) -> dict[int, OpenWindow]:
    """By budget, the windows that `now` lies in, of everybody who asks; made where missing."""
    access.load(item.request for item in asked)
    wanted = {b.pk: b for item in asked for b in access.budgets_of(item.request)}
    return current_windows(wanted.values(), now)


def _windows_of(
    request: RouteRequest, open_windows: Mapping[int, OpenWindow], now: datetime
) -> list[OpenWindow] | RouterError:
    """The windows that must hold the money. Nobody spends without a limit by accident."""
    person = access.person(request.user_id)
    if person is None or not person.is_active:
        return PermissionDenied("This account is closed.")
    if not person.may_use(request.api_key_id, now):
        return NotAuthenticated()
    if person.workspace_of(request.workspace_id, request.api_key_id) not in person.asks_in:
        return PermissionDenied("You may not ask in this workspace.")
    budgets = access.budgets_of(request)
    if not person.unlimited and all(budget.model_id is not None for budget in budgets):
        return without_budget(request.task)
    return sorted((open_windows[budget.pk] for budget in budgets), key=lambda window: window.pk)


def _that_pay(windows: list[OpenWindow], model_pk: int) -> list[OpenWindow]:
    """Those that a call to this model is held in: a budget for another model is not among them."""
    return [window for window in windows if window.budget.model_id in (None, model_pk)]


def _decide(item: Asked, moment: _Moment, windows: list[OpenWindow]) -> Decision:
    request, attempt = item.request, item.attempt
    routing_request = RoutingRequest(
        task=request.task,
        quality=request.quality,
        budget_nanos=request.budget_nanos,
        input_tokens=item.sizes.input_tokens,
        input_bound_base=item.sizes.input_bound_base,
        model=request.model,
        max_tokens=request.max_tokens,
        allow_lower_quality=request.allow_lower_quality,
        excluded=moment.excluded(attempt),
        needs=request.needs,
        reasoning_effort=request.reasoning_effort,
        images=request.images,
        only=attempt.only,
    )
    # With its debt, if it has one: nothing fits into that, not even what costs nothing.
    funds = [
        Funds(window.budget.name, window.left_nanos, window.budget.pk, window.budget.model_id)
        for window in windows
    ]
    aware = [window for window in windows if window.budget.pace_aware]
    paces = [pace for window in aware if (pace := window.pace(moment.now))]
    return decide(routing_request, moment.snapshot.specs, moment.snapshot.policy, funds, paces)


def _lost_the_race(item: Asked, moment: _Moment) -> RouterError:
    windows = _windows_of(item.request, _open_windows([item], moment.now), moment.now)
    if isinstance(windows, RouterError):
        return windows
    return error_of(_decide(item, moment, windows), windows)

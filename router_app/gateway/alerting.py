"""What a batch of closings leaves behind that somebody should be told of. Rows only, in the
transaction that closes; `router_app/alerts/` tells people.

Thresholds are for each window. All else is told once a day (of UTC), for a workspace or for what
broke: a provider that is out of money fails many calls, and one message about it is enough.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from router_app.alerts import worker
from router_app.budgets.ledger import Counters
from router_app.budgets.thresholds import carried_on, note_reached
from router_app.gateway.ended import Closure
from router_app.models import Alert, Call, LedgerEntry, Reservation
from router_app.providers.base import FailureKind, UsageSource

Kind = Alert.Kind


def note_alerts(
    closures: Sequence[Closure], counters: Mapping[int, Counters], *, now: datetime
) -> None:
    """Write what these closings give cause for; nearly always nothing, and no statement."""
    added: defaultdict[int, int] = defaultdict(int)
    incidents: list[Alert] = []
    for closure in closures:
        for window in closure.admission.windows:
            added[window.pk] += closure.cost_nanos
        if _is_unusual(closure):
            incidents += _incidents(closure, now)
    if reached := carried_on(counters, added):
        note_reached(reached, now=now)
    if incidents:
        _write(incidents)
    if reached or incidents:
        transaction.on_commit(worker.poke)


def note_presumed(calls: Sequence[Call], *, now: datetime) -> None:
    """The same for calls that the clock closed."""
    presumed = [call for call in calls if call.usage_source == UsageSource.PRESUMED]
    if not presumed:
        return
    held = LedgerEntry.objects.filter(reservation__in=[call.reservation_id for call in presumed])
    note_reached({*held.values_list("window_id", flat=True)}, now=now)
    alerts = [
        _of_a_call(Kind.PRESUMED, call.workspace_id, call.user_id, call.cost_nanos, now)
        for call in presumed
    ]
    _write(alerts)


def _write(alerts: list[Alert]) -> None:
    """Those whose key is new; in one order, so that two processes never wait in a circle."""
    alerts.sort(key=lambda alert: alert.key)
    Alert.objects.bulk_create(alerts, ignore_conflicts=True)


def _is_unusual(closure: Closure) -> bool:
    return (
        closure.ending.failure is not None
        or closure.state == Reservation.State.PRESUMED
        or closure.cost_nanos > closure.admission.reserved_nanos
    )


def _incidents(closure: Closure, now: datetime) -> Iterable[Alert]:
    admission, failure = closure.admission, closure.ending.failure
    over = closure.cost_nanos - admission.reserved_nanos
    whose = admission.workspace_id, admission.user_id
    if over > 0:
        yield _of_a_call(Kind.OVERAGE, *whose, over, now)
    if closure.state == Reservation.State.PRESUMED:
        yield _of_a_call(Kind.PRESUMED, *whose, closure.cost_nanos, now)
    if failure is None:
        return
    if failure.kind == FailureKind.MODEL_GONE:
        yield _of_the_site(Kind.MODEL_GONE, {"model": admission.spec.id}, now)
    if failure.kind == FailureKind.OUT_OF_MONEY:
        yield _of_the_site(Kind.OUT_OF_MONEY, {"provider": admission.spec.provider}, now)


def _of_a_call(kind: Kind, workspace_id: int, user_id: int, nanos: int, now: datetime) -> Alert:
    return Alert(
        key=f"{kind}:{workspace_id}:{user_id}:{now:%Y-%m-%d}",
        kind=kind,
        at=now,
        workspace_id=workspace_id,
        user_id=user_id,
        facts={"amount_nanos": nanos},
    )


def _of_the_site(kind: Kind, facts: dict[str, str], now: datetime) -> Alert:
    (what,) = facts.values()
    # The day is never cut off, however long the name: else the first day's would be the only one.
    return Alert(key=f"{kind}:{now:%Y-%m-%d}:{what}"[:120], kind=kind, at=now, facts=facts)

"""The only writer of money.

A **reservation** holds an amount in every **window** that applies, or in none. It is closed once:
**settled** at what the call cost, **released** at nothing, or **presumed** at the full amount when
nobody knows. Each change of a window's counters has an immutable **entry** in the same transaction.

The promise: at every committed instant `spent + reserved <= limit` in every window. It rests on one
statement, `UPDATE … SET reserved = reserved + x WHERE … spent + overage + reserved + x <= limit`:
the database checks and holds in one step, so no two requests can both see the same money. There is
no read-then-write anywhere, and CHECK constraints stand behind it.

Every function here wants to be called inside the transaction that also writes the call's row.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F, Sum

from router_app.errors import AlreadyClosed
from router_app.models import LedgerEntry, Reservation, Window

State = Reservation.State
Kind = LedgerEntry.Kind


class DoesNotFit(Exception):
    """A window has less free than was to be held; nothing was held in any window."""

    def __init__(self, window: Window) -> None:
        super().__init__(f"window {window.pk} has too little free")
        self.window = window


def reserve(
    *,
    user_id: int,
    windows: Sequence[Window],
    amount_nanos: int,
    now: datetime,
    lease_ends_at: datetime,
) -> Reservation:
    """Hold `amount_nanos` in every window, or raise DoesNotFit and hold nothing."""
    with transaction.atomic():
        for window in sorted(windows, key=lambda window: window.pk):
            _hold(window, amount_nanos)
        reservation = Reservation.objects.create(
            user_id=user_id, amount_nanos=amount_nanos, created_at=now, lease_ends_at=lease_ends_at
        )
        LedgerEntry.objects.bulk_create(
            LedgerEntry(
                reservation=reservation,
                window=window,
                kind=Kind.RESERVE,
                reserved_delta_nanos=amount_nanos,
                at=now,
            )
            for window in windows
        )
    return reservation


def mark_sent(reservation_id: uuid.UUID, *, now: datetime) -> bool:
    """Note that the call is about to leave; True for exactly one caller, and only while held."""
    held = Reservation.objects.filter(pk=reservation_id, state=State.HELD, lease_ends_at__gt=now)
    return held.update(state=State.SENT, sent_at=now) == 1


def settle(reservation_id: uuid.UUID, *, actual_nanos: int, now: datetime) -> None:
    """Close with what the call cost; the rest returns, anything above goes to overage."""
    if actual_nanos < 0:
        raise ValueError("a call cannot cost less than nothing")
    _close(reservation_id, State.SETTLED, Kind.SETTLE, actual_nanos, now)


def release(reservation_id: uuid.UUID, *, now: datetime, unsent: bool = False) -> None:
    """Close at nothing: the provider provably did not bill. `unsent`: only if it never was sent."""
    open_states = (State.HELD,) if unsent else Reservation.OPEN_STATES
    _close(reservation_id, State.RELEASED, Kind.RELEASE, 0, now, open_states)


def presume(reservation_id: uuid.UUID, *, now: datetime) -> None:
    """Close at the full amount: it was sent and nobody knows what came of it."""
    _close(reservation_id, State.PRESUMED, Kind.PRESUME, None, now)


def overdue(now: datetime, *, user_id: int | None = None) -> list[Reservation]:
    """Open reservations whose lease is over; `gateway.closing` closes them with their calls."""
    late = Reservation.objects.filter(state__in=Reservation.OPEN_STATES, lease_ends_at__lte=now)
    return list(late if user_id is None else late.filter(user_id=user_id))


def correct(
    reservation_id: uuid.UUID,
    *,
    actual_nanos: int,
    author_id: int | None,
    reason: str,
    now: datetime,
) -> int:
    """Book that a closed call really cost `actual_nanos`; returns the change in nanos.

    Writes new entries, changes none. Where a window has meanwhile no room for a higher cost, the
    difference is overage. Raises ValueError for an open reservation or a cost below nothing.
    """
    if actual_nanos < 0 or not reason.strip():
        raise ValueError("a correction needs a cost of at least nothing, and a reason")
    reservation = Reservation.objects.get(pk=reservation_id)
    booked = reservation.actual_nanos
    # The old value in the condition makes two corrections at once impossible.
    changed = Reservation.objects.filter(pk=reservation_id, actual_nanos=booked)
    if booked is None or changed.update(actual_nanos=actual_nanos) != 1:
        raise ValueError("only a closed reservation can be corrected")
    totals = (
        LedgerEntry.objects.filter(reservation=reservation)
        .values("window_id")
        .annotate(spent=Sum("spent_delta_nanos"), overage=Sum("overage_delta_nanos"))
        .order_by("window_id")
    )
    for line in totals:
        spent = min(actual_nanos, reservation.amount_nanos) - line["spent"]
        overage = max(0, actual_nanos - reservation.amount_nanos) - line["overage"]
        _correct_window(reservation, line["window_id"], spent, overage, author_id, reason, now)
    return actual_nanos - booked


def _hold(window: Window, amount_nanos: int) -> None:
    used = F("spent_nanos") + F("overage_nanos") + F("reserved_nanos")
    fits = Window.objects.filter(pk=window.pk, limit_nanos__gte=used + amount_nanos)
    if fits.update(reserved_nanos=F("reserved_nanos") + amount_nanos) != 1:
        raise DoesNotFit(window)


def _close(
    reservation_id: uuid.UUID,
    state: State,
    kind: Kind,
    actual_nanos: int | None,
    now: datetime,
    open_states: Sequence[State] = Reservation.OPEN_STATES,
) -> None:
    """Close once: whoever changes the state books it, everyone else gets AlreadyClosed."""
    amount = Reservation.objects.values_list("amount_nanos", flat=True).get(pk=reservation_id)
    actual = amount if actual_nanos is None else actual_nanos
    still_open = Reservation.objects.filter(pk=reservation_id, state__in=open_states)
    if still_open.update(state=state, actual_nanos=actual, closed_at=now) != 1:
        raise AlreadyClosed("this reservation was closed before")
    spent, overage = min(actual, amount), max(0, actual - amount)
    window_ids = list(_windows_of(reservation_id))
    for window_id in window_ids:
        Window.objects.filter(pk=window_id).update(
            reserved_nanos=F("reserved_nanos") - amount,
            spent_nanos=F("spent_nanos") + spent,
            overage_nanos=F("overage_nanos") + overage,
        )
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            reservation_id=reservation_id,
            window_id=window_id,
            kind=kind,
            spent_delta_nanos=spent,
            reserved_delta_nanos=-amount,
            overage_delta_nanos=overage,
            at=now,
        )
        for window_id in window_ids
    )


def _windows_of(reservation_id: uuid.UUID) -> Iterable[int]:
    held = LedgerEntry.objects.filter(reservation_id=reservation_id, kind=Kind.RESERVE)
    return held.order_by("window_id").values_list("window_id", flat=True)


def _correct_window(
    reservation: Reservation,
    window_id: int,
    spent: int,
    overage: int,
    author_id: int | None,
    reason: str,
    now: datetime,
) -> None:
    room = Window.objects.filter(
        pk=window_id, peak_limit_nanos__gte=F("spent_nanos") + F("reserved_nanos") + spent
    )
    changed = room.update(
        spent_nanos=F("spent_nanos") + spent, overage_nanos=F("overage_nanos") + overage
    )
    if not changed:
        spent, overage = 0, spent + overage
        Window.objects.filter(pk=window_id).update(overage_nanos=F("overage_nanos") + overage)
    LedgerEntry.objects.create(
        reservation=reservation,
        window_id=window_id,
        kind=Kind.CORRECT,
        spent_delta_nanos=spent,
        overage_delta_nanos=overage,
        author_id=author_id,
        reason=reason,
        at=now,
    )

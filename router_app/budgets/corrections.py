"""What a closed call really cost, known later: the ledger's entries for that."""

import uuid
from datetime import datetime

from django.db.models import F, Sum

from router_app.budgets.thresholds import note_reached
from router_app.models import LedgerEntry, Reservation, Window


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
    note_reached([line["window_id"] for line in totals], now=now)
    return actual_nanos - booked


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
        kind=LedgerEntry.Kind.CORRECT,
        spent_delta_nanos=spent,
        overage_delta_nanos=overage,
        author_id=author_id,
        reason=reason,
        at=now,
    )

"""The ledger's words for single reservations: each is a batch of one."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from router_app.budgets.ledger import Closing, Hold, close_many, reserve_many
from router_app.models import LedgerEntry, Reservation
from router_app.models.ids import new_id

State = Reservation.State


def reserve(
    *,
    user_id: int,
    windows: Sequence[Any],
    amount_nanos: int,
    now: datetime,
    lease_ends_at: datetime,
) -> Reservation:
    """Hold in every window for a call that is sent later, or raise DoesNotFit."""
    window_ids = [window.pk for window in windows]
    hold = Hold(user_id, window_ids, amount_nanos, lease_ends_at, new_id())
    reserve_many([hold], now=now)
    return Reservation.objects.get(pk=hold.reservation_id)


def mark_sent(reservation_id: uuid.UUID, *, now: datetime) -> bool:
    """The call is about to leave: True for exactly one caller, and only while held."""
    held = Reservation.objects.filter(pk=reservation_id, state=State.HELD, lease_ends_at__gt=now)
    return held.update(state=State.SENT, sent_at=now) == 1


def settle(reservation_id: uuid.UUID, *, actual_nanos: int, now: datetime) -> None:
    """Close with what the call cost."""
    close_many([closing_of(reservation_id, State.SETTLED, actual_nanos)], now=now)


def release(reservation_id: uuid.UUID, *, now: datetime) -> None:
    """Close at nothing."""
    close_many([closing_of(reservation_id, State.RELEASED, 0)], now=now)


def presume(reservation_id: uuid.UUID, *, now: datetime) -> None:
    """Close at the full amount."""
    close_many([closing_of(reservation_id, State.PRESUMED)], now=now)


def closing_of(reservation_id: uuid.UUID, state: State, actual_nanos: int | None = None) -> Closing:
    """The end of a reservation, as its call would know it; None: the full amount."""
    amount = Reservation.objects.get(pk=reservation_id).amount_nanos
    held = LedgerEntry.objects.filter(reservation_id=reservation_id, kind="reserve")
    window_ids = list(held.order_by("window_id").values_list("window_id", flat=True))
    actual = amount if actual_nanos is None else actual_nanos
    return Closing(reservation_id, window_ids, amount, state, actual)

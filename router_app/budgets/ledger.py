"""The only writer of money.

A **reservation** holds an amount in every **window** that applies, or in none. It is closed once:
**settled** at what the call cost, **released** at nothing, or **presumed** at the full amount when
nobody knows. Each change of a window's counters has an immutable **entry** in the same transaction.

The promise: at every committed instant `spent + reserved <= limit` in every window. It rests on one
statement, `UPDATE … SET reserved = reserved + x WHERE … spent + overage + reserved + x <= limit`:
the database checks and holds in one step, so no two requests can both see the same money. There is
no read-then-write anywhere, and CHECK constraints stand behind it.

Every function here wants to be called inside the transaction that also writes the call's row.
Holds and closings come in batches (`reserve_many`, `close_many`, by the clock `expire_many`): one
statement for each table, however many calls, and one change of a window for all that touch it.
What is known better later is booked by `corrections.py`.
"""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from router_app.errors import AlreadyClosed
from router_app.models import LedgerEntry, Reservation, Window
from router_app.models.rows import insert_rows, update_counted, update_in_order

State = Reservation.State
Kind = LedgerEntry.Kind

_HELD, _SENT = State.HELD.value, State.SENT.value
_OPEN = ", ".join(f"'{state.value}'" for state in Reservation.OPEN_STATES)
_USED = "spent_nanos + overage_nanos + reserved_nanos"


class DoesNotFit(Exception):
    """Some windows have less free than was to be held; nothing was held in any."""

    def __init__(self, window_ids: frozenset[int]) -> None:
        super().__init__(f"{len(window_ids)} windows have too little free")
        self.window_ids = window_ids


class Hold(Struct, frozen=True):
    """Money to be held for one call, in all of its windows. `sent_at`: it leaves at once."""

    user_id: int
    window_ids: Sequence[int]
    amount_nanos: int
    lease_ends_at: datetime
    reservation_id: uuid.UUID
    sent_at: datetime | None = None


class Closing(Struct, frozen=True):
    """The end of one reservation; `actual_nanos` is what the call cost."""

    reservation_id: uuid.UUID
    window_ids: Sequence[int]
    amount_nanos: int  # as it was held
    state: State
    actual_nanos: int
    only_unsent: bool = False

    def __post_init__(self) -> None:
        if self.actual_nanos < 0:
            raise ValueError("a call cannot cost less than nothing")

    @property
    def spent_nanos(self) -> int:
        """What is booked within the limit."""
        return min(self.actual_nanos, self.amount_nanos)

    @property
    def overage_nanos(self) -> int:
        """What is booked outside of it: the bill was higher than what was held."""
        return max(0, self.actual_nanos - self.amount_nanos)


class Counters(Struct, frozen=True):
    """A window's limit and counters, in nano-dollars."""

    limit_nanos: int
    spent_nanos: int
    reserved_nanos: int
    overage_nanos: int


_COUNTERS = ("id", "limit_nanos", "spent_nanos", "reserved_nanos", "overage_nanos")
_RESERVE = Kind.RESERVE.value
_KINDS = {
    State.SETTLED: Kind.SETTLE.value,
    State.RELEASED: Kind.RELEASE.value,
    State.PRESUMED: Kind.PRESUME.value,
}


def reserve_many(holds: Sequence[Hold], *, now: datetime) -> None:
    """Hold every amount in all of its windows, or raise DoesNotFit and hold nothing at all."""
    _hold(holds)
    insert_rows(
        Reservation,
        ("id", "user_id", "state", "amount_nanos", "lease_ends_at", "sent_at"),
        [
            (
                hold.reservation_id,
                hold.user_id,
                _SENT if hold.sent_at else _HELD,
                hold.amount_nanos,
                hold.lease_ends_at,
                hold.sent_at,
            )
            for hold in holds
        ],
        same={"created_at": now},
    )
    _write_entries(
        [
            (hold.reservation_id, window_id, _RESERVE, 0, hold.amount_nanos, 0)
            for hold in holds
            for window_id in hold.window_ids
        ],
        now,
    )


def close_many(closings: Sequence[Closing], *, now: datetime) -> dict[int, Counters]:
    """Close each once, or raise AlreadyClosed if any was closed before, having changed nothing
    but what the caller's transaction must undo. Returns the counters of the windows touched."""
    for only_unsent in (False, True):
        _change_states([c for c in closings if c.only_unsent is only_unsent], only_unsent, now)
    moves: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for closing in closings:
        for window_id in closing.window_ids:
            move = moves[window_id]
            move[0] -= closing.amount_nanos
            move[1] += closing.spent_nanos
            move[2] += closing.overage_nanos
    changed = update_in_order(
        Window,
        ("id", "reserved_nanos", "spent_nanos", "overage_nanos"),
        [(window_id, *moves[window_id]) for window_id in sorted(moves)],
        adding=frozenset({"reserved_nanos", "spent_nanos", "overage_nanos"}),
        returning=_COUNTERS,
    )
    _write_entries(
        [
            (
                closing.reservation_id,
                window_id,
                _KINDS[closing.state],
                closing.spent_nanos,
                -closing.amount_nanos,
                closing.overage_nanos,
            )
            for closing in closings
            for window_id in closing.window_ids
        ],
        now,
    )
    return {window_id: Counters(*counters) for window_id, *counters in changed}


def overdue(now: datetime, *, user_id: int | None = None) -> list[Reservation]:
    """Open reservations whose lease is over, locked; `gateway/expiry.py` closes them with their
    calls. What another process is closing just now is waited for, and then not among them."""
    late = Reservation.objects.filter(Reservation.IS_OPEN, lease_ends_at__lte=now)
    own = late if user_id is None else late.filter(user_id=user_id)
    return list(own.select_for_update().order_by("lease_ends_at", "pk"))


def expire_many(late: Sequence[Reservation], *, now: datetime) -> None:
    """Close by the clock: what was sent at the full amount, what was not at nothing.

    Raises AlreadyClosed as `close_many` does.
    """
    windows = _windows_of([reservation.pk for reservation in late])
    closings = []
    for reservation in late:
        amount, window_ids = reservation.amount_nanos, windows[reservation.pk]
        if reservation.state == State.SENT:
            closing = Closing(reservation.pk, window_ids, amount, State.PRESUMED, amount)
        else:
            closing = Closing(
                reservation.pk, window_ids, amount, State.RELEASED, 0, only_unsent=True
            )
        closings.append(closing)
    close_many(closings, now=now)


def _hold(holds: Sequence[Hold]) -> None:
    """Raise what is reserved, in each window once, where all of it fits."""
    wanted: defaultdict[int, int] = defaultdict(int)
    for hold in holds:
        for window_id in hold.window_ids:
            wanted[window_id] += hold.amount_nanos
    rows = sorted(wanted.items())
    held = _raise_reserved(rows, only=f"{_USED} + new_reserved_nanos <= limit_nanos")
    if len(held) < len(rows):
        _raise_reserved([(window_id, -amount) for window_id, amount in rows if window_id in held])
        raise DoesNotFit(frozenset(wanted) - held)


def _raise_reserved(rows: Sequence[tuple[int, int]], only: str = "") -> set[int]:
    """The ids of the windows that were changed."""
    changed = update_in_order(
        Window,
        ("id", "reserved_nanos"),
        rows,
        adding=frozenset({"reserved_nanos"}),
        only=only,
        returning=("id",),
    )
    return {row[0] for row in changed}


def _change_states(closings: Sequence[Closing], only_unsent: bool, now: datetime) -> None:
    """Close once: whoever changes the state books it, everyone else gets AlreadyClosed."""
    changed = update_counted(
        Reservation,
        ("id", "state", "actual_nanos", "closed_at"),
        [(c.reservation_id, c.state.value, c.actual_nanos, now) for c in closings],
        only="state = 'held'" if only_unsent else f"state IN ({_OPEN})",
    )
    if changed < len(closings):
        raise AlreadyClosed("this reservation was closed before")


def _write_entries(rows: Sequence[tuple[object, ...]], now: datetime) -> None:
    columns = (
        "reservation_id",
        "window_id",
        "kind",
        "spent_delta_nanos",
        "reserved_delta_nanos",
        "overage_delta_nanos",
    )
    insert_rows(LedgerEntry, columns, rows, same={"at": now, "reason": ""})


def _windows_of(reservation_ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, list[int]]:
    held = LedgerEntry.objects.filter(reservation_id__in=reservation_ids, kind=Kind.RESERVE)
    windows: defaultdict[uuid.UUID, list[int]] = defaultdict(list)
    for reservation_id, window_id in held.values_list("reservation_id", "window_id"):
        windows[reservation_id].append(window_id)
    return windows

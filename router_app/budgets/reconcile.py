"""Proof that the counters are what the journal says. Reads only."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from router_app.models import Call, LedgerEntry, Reservation, Window


def differences(now: datetime) -> Iterator[str]:
    """A sentence for everything that does not add up; nothing when the books are clean."""
    yield from _counters_against_journal()
    yield from _reservations_against_journal()
    yield from _over_the_limit()
    yield from _past_their_lease(now)
    yield from _calls_against_reservations()


def _total(field: str) -> Any:
    return Coalesce(Sum(f"entries__{field}"), 0)


def _counters_against_journal() -> Iterator[str]:
    windows = Window.objects.annotate(
        spent=_total("spent_delta_nanos"),
        reserved=_total("reserved_delta_nanos"),
        overage=_total("overage_delta_nanos"),
    )
    wrong = windows.exclude(
        spent=F("spent_nanos"), reserved=F("reserved_nanos"), overage=F("overage_nanos")
    )
    for window in wrong.iterator():
        for word in ("spent", "reserved", "overage"):
            counter, journal = getattr(window, f"{word}_nanos"), getattr(window, word)
            if counter != journal:
                yield f"window {window.pk}: {word} is {counter} nanos, its journal says {journal}"


def _reservations_against_journal() -> Iterator[str]:
    rows = Reservation.objects.annotate(
        windows=Count("entries", filter=Q(entries__kind="reserve")),
        reserved=_total("reserved_delta_nanos"),
        booked=_total("spent_delta_nanos") + _total("overage_delta_nanos"),
    )
    yield from _wrong_open(rows.filter(state__in=Reservation.OPEN_STATES))
    yield from _wrong_closed(rows.exclude(state__in=Reservation.OPEN_STATES))


def _wrong_open(rows: QuerySet[Any]) -> Iterator[str]:
    for row in rows.exclude(reserved=F("amount_nanos") * F("windows"), booked=0).iterator():
        yield f"reservation {row.pk} is open and its journal does not hold exactly its amount"


def _wrong_closed(rows: QuerySet[Any]) -> Iterator[str]:
    for row in rows.exclude(reserved=0, booked=F("actual_nanos") * F("windows")).iterator():
        yield f"reservation {row.pk} is closed and its journal does not book exactly its cost"


def _over_the_limit() -> Iterator[str]:
    over = Window.objects.filter(peak_limit_nanos__lt=F("spent_nanos") + F("reserved_nanos"))
    for window in over:
        yield f"window {window.pk}: spent and reserved are over the limit"


def _past_their_lease(now: datetime) -> Iterator[str]:
    late = Reservation.objects.filter(state__in=Reservation.OPEN_STATES, lease_ends_at__lte=now)
    for reservation in late.iterator():
        yield f"reservation {reservation.pk} is still {reservation.state} after its lease"


def _calls_against_reservations() -> Iterator[str]:
    closed = Call.objects.exclude(reservation__state__in=Reservation.OPEN_STATES)
    booked = closed.annotate(cost=F("cost_nanos") + F("correction_nanos"))
    for call in booked.exclude(cost=F("reservation__actual_nanos")).iterator():
        yield f"call {call.pk} says another cost than its reservation {call.reservation_id}"


def entry_count() -> int:
    """How many lines the journal has."""
    return LedgerEntry.objects.count()

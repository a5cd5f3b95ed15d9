"""What the database says at the moment of asking; the same whichever process asks."""

from dataclasses import dataclass

from django.db.models import Count, Sum

from router_app.models import Reservation


@dataclass(frozen=True, slots=True)
class Holds:
    """Reservations that are open now."""

    reserved_nanos: int
    by_state: dict[str, int]  # held, sent


def holds() -> Holds:
    """What is held for calls under way, over all accounts."""
    rows = (
        Reservation.objects.filter(Reservation.IS_OPEN)
        .order_by()
        .values_list("state")
        .annotate(Count("pk"), Sum("amount_nanos"))
    )
    found = {state: (count, nanos) for state, count, nanos in rows}
    return Holds(
        reserved_nanos=sum(nanos for _, nanos in found.values()),
        by_state={state.value: found.get(state, (0, 0))[0] for state in Reservation.OPEN_STATES},
    )

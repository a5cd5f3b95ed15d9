"""Looking into the books after a story."""

from django.utils import timezone

from router_app.budgets.reconcile import differences
from router_app.models import Call, Reservation, Window


def assert_clean() -> None:
    """Counters are what the journal says, nothing is past its lease, calls agree with money."""
    assert list(differences(timezone.now())) == []


def assert_nothing_held() -> None:
    """Every reservation is closed."""
    assert not Reservation.objects.filter(state__in=Reservation.OPEN_STATES).exists()
    assert not Window.objects.exclude(reserved_nanos=0).exists()


def calls() -> list[tuple[str, str, str]]:
    """(model, outcome, usage source) of every call, in order."""
    rows = Call.objects.order_by("created_at", "attempt")
    return [(row.model.model_id, row.outcome, row.usage_source) for row in rows]

"""Presumed charges: calls whose end nobody knows, booked at all that was held for them."""

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from router_app.models import Call

# As it stands in the index of them: SQLite does not use that for a parameter.
_IS_PRESUMED = RawSQL("router_app_call.usage_source = 'presumed'", (), BooleanField())


def presumed_calls(workspace_id: int | None) -> QuerySet[Call]:
    """Those that nobody has confirmed or corrected yet, newest first; None: everybody's."""
    found = Call.objects.filter(_IS_PRESUMED, decided_at=None, closed_at__isnull=False)
    if workspace_id is not None:
        found = found.filter(workspace=workspace_id)
    return found.select_related("user", "workspace", "model").order_by("-created_at", "pk")

"""The audit trail, narrowed. Reads only."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from router_app.models import AuditEntry


def entries_of(workspace_id: int | None) -> QuerySet[AuditEntry]:
    """What happened in a workspace, newest first; None: everywhere, and to the site itself."""
    found = AuditEntry.objects.select_related("actor", "workspace").order_by("-pk")
    return found if workspace_id is None else found.filter(workspace=workspace_id)


def since(entries: QuerySet[AuditEntry], day: date, zone: ZoneInfo) -> QuerySet[AuditEntry]:
    """From the first moment of a day there."""
    return entries.filter(at__gte=_midnight(day, zone))


def until(entries: QuerySet[AuditEntry], day: date, zone: ZoneInfo) -> QuerySet[AuditEntry]:
    """To the last moment of a day there."""
    return entries.filter(at__lt=_midnight(day + timedelta(days=1), zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)

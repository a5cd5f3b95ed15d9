"""What every page shows around its content."""

from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from msgspec.structs import replace

from router_app.budgets.statements import Statement, statements_of
from router_app.gateway import service
from router_app.models import Period
from router_app.web.workspace import membership_of

IN_HEADER = (Period.DAY, Period.MONTH)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Template context of the shell: the header's gauges, the demo banner, the offer to sign up.

    Nothing is read before a template asks for it: error pages and fragments often do not.
    """
    return {
        "demo_active": cache(service.demo_active),
        "header_gauges": cache(lambda: header_gauges(request)),
        "signup_open": settings.SIGNUP_OPEN,
    }


def header_gauges(request: HttpRequest) -> list[Statement]:
    """Today's and this month's budgets of the signed-in person, the one with least left first."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    found = statements_of(membership_of(request), now=timezone.now())  # type: ignore[arg-type]
    shown = [s for s in found if s.period in IN_HEADER and not s.task_type] or found
    return sorted(map(in_its_zone, shown), key=lambda s: s.free_nanos)


def in_its_zone(statement: Statement) -> Statement:
    """Midnight reads as midnight where the budget's owner is."""
    if statement.resets_at is None:
        return statement
    return replace(
        statement, resets_at=statement.resets_at.astimezone(ZoneInfo(statement.time_zone))
    )

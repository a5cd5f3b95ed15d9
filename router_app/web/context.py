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
from router_app.models import Membership, Period, Workspace
from router_app.web.alerts import unread_of
from router_app.web.workspace import membership_of, workspace_of
from router_app.workspaces.members import memberships_of

IN_HEADER = (Period.DAY, Period.MONTH)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Template context of the shell: the header's gauges, the demo banner, the offer to sign up.

    Nothing is read before a template asks for it: error pages and fragments often do not.
    """
    return {
        "demo_active": cache(service.demo_active),
        "workspace_here": cache(lambda: workspace_here(request)),
        "place_here": cache(lambda: place_here(request)),
        "places": cache(lambda: places(request)),
        "header_gauges": cache(lambda: header_gauges(request)),
        "unread_notices": cache(lambda: unread_notices(request)),
        "signup_open": settings.SIGNUP_OPEN,
    }


def workspace_here(request: HttpRequest) -> Workspace | None:
    """The workspace that the page belongs to; none for signed-out people."""
    return workspace_of(request) if _is_signed_in(request) else None  # type: ignore[arg-type]


def place_here(request: HttpRequest) -> Membership | None:
    """The person's place in that workspace: pages offer nothing that its role may not do."""
    return membership_of(request) if _is_signed_in(request) else None  # type: ignore[arg-type]


def places(request: HttpRequest) -> list[Membership]:
    """What the switcher offers: the person's own workspace and their teams."""
    return list(memberships_of(request.user)) if _is_signed_in(request) else []  # type: ignore[arg-type]


def unread_notices(request: HttpRequest) -> int:
    """What the bell has to say."""
    return unread_of(request.user) if _is_signed_in(request) else 0  # type: ignore[arg-type]


def _is_signed_in(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return user is not None and user.is_authenticated


def header_gauges(request: HttpRequest) -> list[Statement]:
    """Today's and this month's budgets of the signed-in person, the one with least left first."""
    if not _is_signed_in(request):
        return []
    found = statements_of(membership_of(request), now=timezone.now())  # type: ignore[arg-type]
    general = [s for s in found if not s.task_type and s.model_pk is None]
    shown = [s for s in general if s.period in IN_HEADER] or found
    return sorted(map(in_its_zone, shown), key=lambda s: s.free_nanos)


def in_its_zone(statement: Statement) -> Statement:
    """Midnight reads as midnight where the budget's owner is."""
    if statement.resets_at is None:
        return statement
    return replace(
        statement, resets_at=statement.resets_at.astimezone(ZoneInfo(statement.time_zone))
    )

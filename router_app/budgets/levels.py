"""Whom a budget bounds: the levels, and which budgets a person's requests are held in.

A request is bounded by all of them at once: those of the site, of the workspace, of the member in
it, of the person wherever they ask, and of the API key it came with. Each may be narrowed to one
task or one model. `gateway/access.py` remembers the same for the hot path.
"""

from django.db.models import Q, QuerySet

from router_app.models import Budget, Level, Membership


def bounding(member: Membership) -> QuerySet[Budget]:
    """Active budgets that bound what this member asks in the workspace, but those of keys."""
    return Budget.objects.filter(
        Q(level=Level.SITE)
        | Q(level=Level.WORKSPACE, workspace=member.workspace_id)
        | Q(level=Level.MEMBER, workspace=member.workspace_id, user=member.user_id)
        | Q(level=Level.USER, user=member.user_id),
        is_active=True,
    )

"""What the audit trail says of limits: written in the transaction that changes one."""

from datetime import datetime
from typing import Any

from router_app.models import AuditEntry, Budget, Level, User, Workspace

Action = AuditEntry.Action


def note_limit(
    action: Action,
    budget: Budget,
    *,
    by: User | None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """One line about a limit, for the admins of the workspace that it belongs to."""
    AuditEntry.note(
        action,
        _subject(budget),
        actor_id=by.pk if by else None,
        workspace_id=_workspace_id(budget),
        before=before,
        after=after,
    )


def terms_of(budget: Budget) -> dict[str, Any]:
    """What a new limit says, as plain values."""
    return {
        "limit_nanos": budget.limit_nanos,
        "period": budget.period,
        "task": budget.task_type or "all",
        "model": str(budget.model) if budget.model else "all",
        "level": budget.level,
    }


def moment(at: datetime | None) -> str | None:
    """An instant as JSON has it."""
    return at.isoformat(timespec="seconds") if at else None


def _subject(budget: Budget) -> str:
    return f"{budget.name} ({budget.user})" if budget.level == Level.USER else budget.name


def _workspace_id(budget: Budget) -> int | None:
    """A person's own limits belong to their own workspace, those of the site to nobody's."""
    if budget.level == Level.KEY and budget.api_key is not None:
        return budget.api_key.workspace_id
    if budget.level == Level.USER:
        own = Workspace.objects.filter(personal_of=budget.user_id)
        return own.values_list("pk", flat=True).first()
    return budget.workspace_id

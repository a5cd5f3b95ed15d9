"""What of a workspace's life is told to its audit trail, in the transaction that changes it."""

from collections.abc import Mapping
from typing import Any

from router_app.models import AuditEntry, User, Workspace

Action = AuditEntry.Action


def note(
    action: Action,
    workspace: Workspace,
    *,
    by: User,
    subject: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """A line for the workspace's admins; its subject is the workspace unless said."""
    AuditEntry.note(
        action,
        subject or str(workspace),
        actor_id=by.pk,
        workspace_id=workspace.pk,
        before=before,
        after=after,
    )

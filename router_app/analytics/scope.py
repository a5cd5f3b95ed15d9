"""Whose calls are looked at: one member's in a workspace, or everybody's there."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from router_app.models import User


@dataclass(frozen=True, slots=True)
class Scope:
    """A workspace, or one member's part of it, with the zone in which its days are counted."""

    workspace_id: int
    user_id: int | None  # None: everybody's
    time_zone: str

    @classmethod
    def own(cls, user: User, workspace_id: int | None = None) -> "Scope":
        """What the person asks for themselves; in their personal workspace unless said."""
        if workspace_id is None:
            workspace_id = user.personal_workspace.pk
        return cls(workspace_id, user.pk, user.time_zone)

    @property
    def zone(self) -> ZoneInfo:
        """In which days begin and end."""
        return ZoneInfo(self.time_zone)

    def condition(self, table: str) -> str:
        """SQL for "a row of it", for a table with both columns; takes `values`."""
        whole = f"{table}.workspace_id = %s"
        return whole if self.user_id is None else f"{whole} AND {table}.user_id = %s"

    @property
    def values(self) -> list[int]:
        """What the placeholders of `condition` stand for."""
        return [self.workspace_id] if self.user_id is None else [self.workspace_id, self.user_id]

    @property
    def filters(self) -> dict[str, int]:
        """The same for a queryset of such a table."""
        found = {"workspace_id": self.workspace_id}
        return found if self.user_id is None else {**found, "user_id": self.user_id}

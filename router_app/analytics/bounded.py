"""Whose calls a budget bounds, and which of them: by what its spending is summed."""

from dataclasses import dataclass

from router_app.models import Budget, Level


@dataclass(frozen=True, slots=True)
class Bounded:
    """Everybody's calls, a workspace's, a person's, or both: a member's in a workspace."""

    workspace_id: int | None = None  # None: of every workspace
    user_id: int | None = None  # None: everybody's

    @property
    def is_everybody(self) -> bool:
        return self.workspace_id is None and self.user_id is None

    @property
    def condition(self) -> str:
        """SQL for "a row of theirs"; takes `values`.

        It always names workspaces, by which every index begins.
        """
        if self.workspace_id is not None:
            where = "workspace_id = ?"
        elif self.user_id is not None:
            where = f"workspace_id IN ({_JOINED})"
        else:
            where = f"workspace_id IN ({_ALL})"
        return where if self.user_id is None else f"{where} AND user_id = ?"

    @property
    def values(self) -> list[int]:
        """What the placeholders of `condition` stand for."""
        if self.user_id is None:
            return [] if self.workspace_id is None else [self.workspace_id]
        return [self.user_id if self.workspace_id is None else self.workspace_id, self.user_id]


_ALL = "SELECT id FROM router_app_workspace"
_JOINED = "SELECT workspace_id FROM router_app_membership WHERE user_id = ?"  # also those left


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which of their calls: for one task, to one model, by one key; empty or None: any."""

    task_type: str = ""
    model_pk: int | None = None
    key_id: int | None = None

    @property
    def filter(self) -> str:
        """SQL that narrows an aggregate; takes `values`."""
        columns = [column for column, value in self._wanted if value]
        conditions = " AND ".join(f"{column} = ?" for column in columns)
        return f" FILTER (WHERE {conditions})" if columns else ""

    @property
    def values(self) -> list[str | int]:
        """What the placeholders of `filter` stand for."""
        return [value for _, value in self._wanted if value]

    @property
    def _wanted(self) -> tuple[tuple[str, str | int | None], ...]:
        return ("task_type", self.task_type), ("model_id", self.model_pk), ("key_id", self.key_id)


def bounded_by(budget: Budget) -> Bounded:
    """Whose calls are held against the budget. Reads a key's row where it is not loaded."""
    if budget.level == Level.KEY and budget.api_key is not None:
        return Bounded(budget.api_key.workspace_id, budget.api_key.user_id)
    return Bounded(budget.workspace_id, budget.user_id)


def narrowing_of(budget: Budget) -> Narrowing:
    """Which of their calls are."""
    return Narrowing(budget.task_type, budget.model_id, budget.api_key_id)

"""Who may set which limit.

An admin of a workspace sets those of the workspace, its members and its keys; whoever made a key
one of that key; operators those of the site; everybody their own (`self_service.py`). What a site's
administrator set for somebody is changed by administrators only, on the operators' pages.
"""

from dataclasses import dataclass

from router_app.models import ApiKey, Budget, Level, Membership, Role, User


class NotYours(Exception):
    """This change is not this person's to make; the text says why and is for people."""


@dataclass(frozen=True, slots=True)
class Powers:
    """What one person may decide on, as it is at this moment."""

    user_id: int
    admin_of: frozenset[int]  # open workspaces
    sets_site_limits: bool
    corrects_costs: bool  # of everybody

    def may_set(
        self, level: str, *, user: User | None, workspace_id: int | None, api_key: ApiKey | None
    ) -> bool:
        """Whether this person may make a limit of this level for these."""
        if level == Level.SITE:
            return self.sets_site_limits
        if level == Level.USER:
            return user is not None and user.pk == self.user_id
        if level == Level.KEY:
            return api_key is not None and (
                api_key.user_id == self.user_id or api_key.workspace_id in self.admin_of
            )
        return workspace_id in self.admin_of

    def may_change(self, budget: Budget) -> bool:
        """Whether this person may change, top up and close this limit."""
        if budget.level == Level.SITE:
            return self.sets_site_limits
        if budget.set_by_administrator:
            return False
        if budget.level == Level.USER:
            return budget.user_id == self.user_id
        if budget.level == Level.KEY and budget.api_key is not None:
            own = budget.api_key.user_id == self.user_id and budget.set_by_id == self.user_id
            return own or budget.api_key.workspace_id in self.admin_of
        return budget.workspace_id in self.admin_of


def powers_of(user: User) -> Powers:
    """Read anew: who was an admin a moment ago may be none now."""
    roles = Membership.objects.filter(
        user=user, role=Role.ADMIN, left_at=None, workspace__closed_at=None
    )
    return Powers(
        user_id=user.pk,
        admin_of=frozenset(roles.values_list("workspace_id", flat=True)),
        sets_site_limits=is_operator(user, "router_app.change_budget"),
        corrects_costs=is_operator(user, "router_app.change_call"),
    )


def is_operator(user: User, permission: str) -> bool:
    """Whether this person may do so on the operators' pages."""
    return user.is_active and user.is_staff and user.has_perm(permission)


def require_change(user: User, budget: Budget) -> None:
    """Raise NotYours unless this person may change the limit."""
    if not powers_of(user).may_change(budget):
        raise NotYours("Somebody else set this limit; only they or an administrator can change it.")

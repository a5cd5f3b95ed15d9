"""What `/budgets/` shows: limits in groups by whom they bound, with who set each and who may change
it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils import timezone

from router_app.budgets.levels import bounding
from router_app.budgets.permissions import Powers
from router_app.budgets.statements import Statement, statements_for
from router_app.models import Budget, Level, Membership, User
from router_app.web.context import in_its_zone
from router_app.web.forecast_lines import lines_for


@dataclass(frozen=True, slots=True)
class Shown:
    """One limit as it stands, for one person."""

    statement: Statement
    set_by: str
    may_change: bool
    pace_aware: bool  # it saves while money goes faster than time
    forecast: str  # in one sentence


@dataclass(frozen=True, slots=True)
class Group:
    """Limits that bound the same people."""

    title: str
    limits: list[Shown]


def groups_for(member: Membership, powers: Powers) -> list[Group]:
    """Everything that bounds what the member asks in the workspace, the widest first."""
    shown = shown_to(powers, [*bounding(member), *_of_keys(member)], viewer=member.user)
    titles = {
        Level.SITE: "Everybody on this site",
        Level.WORKSPACE: everybody_in(member),
        Level.MEMBER: f"You in {member.workspace}",
        Level.USER: "You, wherever you ask",
        Level.KEY: "Your keys",
    }
    groups = [
        Group(title, [each for each in shown if each.statement.level == level])
        for level, title in titles.items()
    ]
    return [group for group in groups if group.limits]


def shown_to(powers: Powers, budgets: Iterable[Budget], *, viewer: User) -> list[Shown]:
    """These limits, the shortest period first; each moment in its budget's own zone."""
    by_id = {budget.pk: budget for budget in budgets}
    setters = User.objects.in_bulk([b.set_by_id for b in by_id.values() if b.set_by_id])
    now = timezone.now()
    stated = statements_for(by_id.values(), now=now)
    lines = lines_for(stated, by_id, now)
    return [
        Shown(
            statement=in_its_zone(statement),
            set_by=_set_by(by_id[statement.budget_id], viewer, setters),
            may_change=powers.may_change(by_id[statement.budget_id]),
            pace_aware=by_id[statement.budget_id].pace_aware,
            forecast=lines[statement.budget_id],
        )
        for statement in stated
    ]


def budgets_in_sight(member: Membership, powers: Powers) -> QuerySet[Budget]:
    """Active limits that a person finds by their address: those that bound them in this workspace,
    an admin's workspace with its members and keys, an operator's site."""
    seen = Q(level=Level.USER, user=member.user_id) | Q(
        level=Level.WORKSPACE, workspace=member.workspace_id
    )
    in_team = Q(level=Level.MEMBER, workspace=member.workspace_id)
    of_keys = Q(level=Level.KEY, api_key__workspace=member.workspace_id)
    if member.workspace_id in powers.admin_of:
        seen |= in_team | of_keys
    else:
        seen |= in_team & Q(user=member.user_id) | of_keys & Q(api_key__user=member.user_id)
    if powers.sets_site_limits:
        seen |= Q(level=Level.SITE)
    return Budget.objects.filter(seen, is_active=True).select_related("api_key", "set_by")


def gauges_in_sight(member: Membership, powers: Powers) -> QuerySet[Budget]:
    """Active limits whose gauge a person sees here: those in sight, and the site's, which are shown
    to everybody they bound."""
    sites = Budget.objects.filter(level=Level.SITE, is_active=True)
    return budgets_in_sight(member, powers) | sites


def everybody_in(member: Membership) -> str:
    """The workspace's people, in words."""
    own = member.workspace.is_personal
    return "Your own workspace" if own else f"Everybody in {member.workspace}"


def _of_keys(member: Membership) -> QuerySet[Budget]:
    """Limits of the member's own live keys in the workspace."""
    return Budget.objects.filter(
        level=Level.KEY,
        is_active=True,
        api_key__user=member.user_id,
        api_key__workspace=member.workspace_id,
        api_key__revoked_at=None,
    ).select_related("api_key")


def _set_by(budget: Budget, viewer: User, setters: dict[int, User]) -> str:
    if budget.set_by_administrator:
        return "an administrator"
    if budget.set_by_id == viewer.pk or (
        budget.level == Level.USER and budget.user_id == viewer.pk
    ):
        return "you"
    found = setters.get(budget.set_by_id or 0)
    return str(found) if found else "an administrator"

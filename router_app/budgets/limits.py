"""Changing the rules: new budgets, new limits, the end of a budget."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest

from router_app.models import Budget, Level, Period, User, Window, Workspace
from router_app.money import NANOS_PER_USD

HIGHEST_LIMIT_NANOS = 1_000_000 * NANOS_PER_USD  # above a million USD somebody mistyped


def create_budget(
    *,
    user: User | None = None,
    workspace: Workspace | None = None,
    level: str = Level.USER,
    period: str,
    limit_nanos: int,
    task_type: str = "",
    name: str = "",
    set_by_administrator: bool = False,
) -> Budget:
    """A new budget; it applies from the next request on. Its days begin where the workspace is, or
    without one where the person is. Whom it bounds is what its level names: the database refuses
    more and less than that."""
    owner = workspace or user
    return Budget.objects.create(
        level=level,
        user=user,
        workspace=workspace,
        period=period,
        limit_nanos=limit_nanos,
        task_type=task_type,
        name=name or default_name(period, task_type),
        time_zone=owner.time_zone if owner else settings.TIME_ZONE,
        set_by_administrator=set_by_administrator,
    )


def create_team_budget(team: Workspace, *, limit_nanos: int) -> Budget:
    """What all members of a team may spend together in a month: the limit a team begins with."""
    return create_budget(
        workspace=team,
        level=Level.WORKSPACE,
        period=Period.MONTH,
        limit_nanos=limit_nanos,
        name="Team's monthly limit",
    )


def create_starting_budget(user: User) -> Budget:
    """The monthly limit that every new account begins with."""
    return create_budget(
        user=user, period=Period.MONTH, limit_nanos=settings.NEW_ACCOUNT_MONTHLY_NANOS
    )


def ensure_starting_budget(user: User) -> Budget | None:
    """Give a person the starting limit unless they have a general one or need none; idempotent.

    Whatever makes an account calls this: sign-up, the admin, `createsuperuser`. An account made in
    another way has no budget, and the gateway refuses it until somebody sets one.
    """
    if user.unlimited or general_limits(user).exists():
        return None
    return create_starting_budget(user)


def general_limits(user: User) -> QuerySet[Budget]:
    """The active limits that bound all spending: for every task, by the month or in total."""
    return Budget.objects.filter(
        level=Level.USER,
        user=user,
        is_active=True,
        task_type="",
        model=None,
        period__in=(Period.MONTH, Period.TOTAL),
    )


def is_last_general_limit(budget: Budget) -> bool:
    """Whether without this budget its owner could spend without any bound."""
    if budget.level != Level.USER or budget.user is None:
        return False
    general = general_limits(budget.user)
    others = general.exclude(pk=budget.pk)
    return general.filter(pk=budget.pk).exists() and not others.exists()


def set_limit(budget: Budget, *, limit_nanos: int, now: datetime) -> None:
    """Change the limit, at once also for the running window; top-ups come on top. Lowering it below
    what is spent is allowed and refuses every further call; what is held stays held."""
    if limit_nanos < 0:
        raise ValueError("a limit cannot be below nothing")
    with transaction.atomic():
        Budget.objects.filter(pk=budget.pk).update(limit_nanos=limit_nanos)
        running = Window.objects.filter(budget=budget).exclude(ends_at__lte=now)
        limit = limit_nanos + F("topped_up_nanos")
        running.update(limit_nanos=limit, peak_limit_nanos=Greatest("peak_limit_nanos", limit))
    budget.limit_nanos = limit_nanos


def close_budget(budget: Budget) -> None:
    """The budget no longer applies; its windows and entries stay for ever."""
    Budget.objects.filter(pk=budget.pk).update(is_active=False)
    budget.is_active = False


def move_time_zone(user: User, time_zone: str) -> None:
    """Days, weeks and months begin at another midnight from the next window on."""
    Budget.objects.filter(level=Level.USER, user=user).update(time_zone=time_zone)


def default_name(period: str, task_type: str = "") -> str:
    """ "Monthly limit", "Daily limit for code"."""
    word = {"day": "Daily", "week": "Weekly", "month": "Monthly", "total": "Total"}[period]
    return f"{word} limit for {task_type}" if task_type else f"{word} limit"

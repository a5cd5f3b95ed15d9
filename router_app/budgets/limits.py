"""Changing the rules: new budgets, new limits, the end of a budget."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Greatest

from router_app.models import Budget, Period, User, Window


def create_budget(
    *,
    user: User,
    period: str,
    limit_nanos: int,
    task_type: str = "",
    name: str = "",
    set_by_administrator: bool = False,
) -> Budget:
    """A new budget in its owner's time zone; it applies from the next request on."""
    return Budget.objects.create(
        user=user,
        period=period,
        limit_nanos=limit_nanos,
        task_type=task_type,
        name=name or default_name(period, task_type),
        time_zone=user.time_zone,
        set_by_administrator=set_by_administrator,
    )


def create_starting_budget(user: User) -> Budget:
    """The monthly limit that every new account begins with."""
    return create_budget(
        user=user, period=Period.MONTH, limit_nanos=settings.NEW_ACCOUNT_MONTHLY_NANOS
    )


def set_limit(budget: Budget, *, limit_nanos: int, now: datetime) -> None:
    """Change the limit, at once also for the running window. Lowering it below what is spent is
    allowed and refuses every further call; what is held stays held."""
    if limit_nanos < 0:
        raise ValueError("a limit cannot be below nothing")
    with transaction.atomic():
        Budget.objects.filter(pk=budget.pk).update(limit_nanos=limit_nanos)
        running = Window.objects.filter(budget=budget).exclude(ends_at__lte=now)
        running.update(
            limit_nanos=limit_nanos, peak_limit_nanos=Greatest("peak_limit_nanos", limit_nanos)
        )
    budget.limit_nanos = limit_nanos


def close_budget(budget: Budget) -> None:
    """The budget no longer applies; its windows and entries stay for ever."""
    Budget.objects.filter(pk=budget.pk).update(is_active=False)
    budget.is_active = False


def move_time_zone(user: User, time_zone: str) -> None:
    """Days, weeks and months begin at another midnight from the next window on."""
    Budget.objects.filter(user=user).update(time_zone=time_zone)


def default_name(period: str, task_type: str = "") -> str:
    """ "Monthly limit", "Daily limit for code"."""
    word = {"day": "Daily", "week": "Weekly", "month": "Monthly", "total": "Total"}[period]
    return f"{word} limit for {task_type}" if task_type else f"{word} limit"

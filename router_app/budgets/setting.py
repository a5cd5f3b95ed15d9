"""Setting limits of every level, by whoever may: the one door for pages.

A person's own limits go through `self_service.py`, which also knows how high they may be.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from router_app.budgets import limits, self_service
from router_app.budgets.names import default_name, whom_in_words
from router_app.budgets.permissions import NotYours, powers_of, require_change
from router_app.models import ApiKey, Budget, LanguageModel, Level, User, Workspace


def set_new_limit(
    *,
    by: User,
    level: str,
    period: str,
    limit_nanos: int,
    user: User | None = None,
    workspace: Workspace | None = None,
    api_key: ApiKey | None = None,
    task_type: str = "",
    model: LanguageModel | None = None,
) -> Budget:
    """A further limit. Raises NotYours for whom it is not theirs to set, where one of its kind is
    in force, or for too high an amount."""
    workspace_id = workspace.pk if workspace else None
    if not powers_of(by).may_set(level, user=user, workspace_id=workspace_id, api_key=api_key):
        raise NotYours("Only an administrator can set such a limit.")
    if level == Level.USER:
        return self_service.create_own_limit(
            user=by, period=period, limit_nanos=limit_nanos, task_type=task_type, model=model
        )
    _check_amount(limit_nanos)
    whom = {"user": user, "workspace": workspace, "api_key": api_key}
    same = Budget.objects.filter(**whom, level=level, period=period, is_active=True)
    with transaction.atomic():
        if same.filter(task_type=task_type, model=model, set_by_administrator=False).exists():
            words = whom_in_words(level, user=user, workspace=workspace, api_key=api_key)
            name = default_name(period, task_type, whom=words, model=str(model or ""))
            raise NotYours(f"There is a {name[:1].lower()}{name[1:]} already: change that one.")
        return limits.create_budget(
            level=level,
            user=user,
            workspace=workspace,
            api_key=api_key,
            period=period,
            limit_nanos=limit_nanos,
            task_type=task_type,
            model=model,
            set_by=by,
        )


def change_limit(
    budget: Budget, *, by: User, limit_nanos: int, now: datetime, pace_aware: bool | None = None
) -> None:
    """Another amount, at once, and whether it saves ahead of its pace. Raises NotYours."""
    require_change(by, budget)
    if budget.level == Level.USER:
        self_service.change_own_limit(
            budget, limit_nanos=limit_nanos, now=now, pace_aware=pace_aware
        )
        return
    _check_amount(limit_nanos)
    limits.set_limit(budget, limit_nanos=limit_nanos, now=now, by=by, pace_aware=pace_aware)


def change_alerts(budget: Budget, *, by: User, percents: Sequence[int], now: datetime) -> None:
    """At which shares of the limit people are told. Raises NotYours."""
    require_change(by, budget)
    limits.set_alerts(budget, percents=percents, now=now, by=by)


def close_limit(budget: Budget, *, by: User) -> None:
    """The limit ends. Raises NotYours, also for a person's last general one."""
    require_change(by, budget)
    if budget.level == Level.USER:
        self_service.close_own_limit(budget)
        return
    limits.close_budget(budget, by=by)


def _check_amount(limit_nanos: int) -> None:
    if not 0 <= limit_nanos <= limits.HIGHEST_LIMIT_NANOS:
        raise NotYours("A limit is at most a million dollars.")

"""What people may do with limits of their own; above that an administrator decides.

Everybody keeps a general limit (all tasks, by the month or in total) unless an administrator has
said that the account needs none. A limit that an administrator set is seen and not touched.
"""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from router_app.budgets import limits
from router_app.budgets.names import default_name
from router_app.budgets.permissions import NotYours as NotYours
from router_app.models import Budget, LanguageModel, Level, User
from router_app.money import format_usd


def create_own_limit(
    *,
    user: User,
    period: str,
    limit_nanos: int,
    task_type: str = "",
    model: LanguageModel | None = None,
) -> Budget:
    """A further limit. Raises NotYours above the ceiling or where one of its kind is active."""
    _check_amount(limit_nanos)
    with transaction.atomic():
        _take_turns(user)
        if twin_of(user, period, task_type, model) is not None:
            name = default_name(period, task_type, model=str(model or ""))
            raise NotYours(f"You already have a {name[0].lower()}{name[1:]}: change that one.")
        return limits.create_budget(
            user=user,
            period=period,
            limit_nanos=limit_nanos,
            task_type=task_type,
            model=model,
            set_by=user,
        )


def change_own_limit(
    budget: Budget, *, limit_nanos: int, now: datetime, pace_aware: bool | None = None
) -> None:
    """Another amount, at once, and whether it saves ahead of its pace. Raises NotYours above the
    ceiling and for an administrator's."""
    _check_owner_may(budget)
    if limit_nanos != budget.limit_nanos:
        _check_amount(limit_nanos)
    limits.set_limit(
        budget, limit_nanos=limit_nanos, now=now, by=budget.user, pace_aware=pace_aware
    )


def close_own_limit(budget: Budget) -> None:
    """The limit ends. Raises NotYours for the last general one and for an administrator's."""
    _check_owner_may(budget)
    with transaction.atomic():
        if budget.user is not None:
            _take_turns(budget.user)
        if is_protected(budget):
            raise NotYours(
                "This is your last limit for all tasks, so it can be changed and not closed."
            )
        limits.close_budget(budget, by=budget.user)


def is_protected(budget: Budget) -> bool:
    """Whether closing it would leave its owner without a bound that nobody decided to lift."""
    owner = budget.user
    return owner is not None and not owner.unlimited and limits.is_last_general_limit(budget)


def twin_of(
    user: User, period: str, task_type: str, model: LanguageModel | None = None
) -> Budget | None:
    """The person's own active limit of the same period, task and model."""
    own = Budget.objects.filter(
        level=Level.USER, user=user, is_active=True, set_by_administrator=False, model=model
    )
    return own.filter(period=period, task_type=task_type).first()


def _check_owner_may(budget: Budget) -> None:
    if budget.set_by_administrator or budget.level != Level.USER:
        raise NotYours("An administrator set this limit; only an administrator can change it.")


def _check_amount(limit_nanos: int) -> None:
    if not 0 <= limit_nanos <= settings.SELF_SERVICE_MAX_NANOS:
        most = format_usd(settings.SELF_SERVICE_MAX_NANOS)
        raise NotYours(f"You can set limits up to {most}; an administrator can set higher ones.")


def _take_turns(user: User) -> None:
    # Two changes at once must not both see the other's limit. (On SQLite writers queue anyway.)
    User.objects.select_for_update().get(pk=user.pk)

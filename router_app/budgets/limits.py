"""Changing the rules: new budgets, new limits, the end of a budget. Each leaves an audit entry.

Who may do so is not asked here: `setting.py` and `self_service.py` do.
"""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest

from router_app.budgets.names import default_name, whom_in_words
from router_app.budgets.thresholds import note_reached_by
from router_app.budgets.trail import Action, note_limit, terms_of
from router_app.models import (
    ApiKey,
    Budget,
    LanguageModel,
    Level,
    Period,
    User,
    Window,
    Workspace,
)
from router_app.money import NANOS_PER_USD

HIGHEST_LIMIT_NANOS = 1_000_000 * NANOS_PER_USD  # above a million USD somebody mistyped
# Whom a level names: a user, a workspace, a key.
_NAMES: dict[str, tuple[bool, bool, bool]] = {
    Level.SITE: (False, False, False),
    Level.WORKSPACE: (False, True, False),
    Level.MEMBER: (True, True, False),
    Level.USER: (True, False, False),
    Level.KEY: (False, False, True),
}


def create_budget(
    *,
    period: str,
    limit_nanos: int,
    level: str = Level.USER,
    user: User | None = None,
    workspace: Workspace | None = None,
    api_key: ApiKey | None = None,
    model: LanguageModel | None = None,
    task_type: str = "",
    name: str = "",
    set_by: User | None = None,
    set_by_administrator: bool = False,
) -> Budget:
    """A new budget in its owner's time zone; it applies from the next request on.

    Raises ValueError where whom it names is not what its level bounds.
    """
    check_whom(level, user=user, workspace=workspace, api_key=api_key)
    whom = whom_in_words(level, user=user, workspace=workspace, api_key=api_key)
    with transaction.atomic():
        budget = Budget.objects.create(
            level=level,
            user=user,
            workspace=workspace,
            api_key=api_key,
            model=model,
            period=period,
            limit_nanos=limit_nanos,
            task_type=task_type,
            name=name or default_name(period, task_type, whom=whom, model=str(model or "")),
            time_zone=zone_of(level, user=user, workspace=workspace, api_key=api_key),
            set_by=set_by,
            set_by_administrator=set_by_administrator,
        )
        note_limit(Action.LIMIT_SET, budget, by=set_by, after=terms_of(budget))
    return budget


def check_whom(
    level: str, *, user: User | None, workspace: Workspace | None, api_key: ApiKey | None
) -> None:
    """Raise ValueError unless exactly what the level bounds is named."""
    names = (user is not None, workspace is not None, api_key is not None)
    wanted = _NAMES.get(level)
    if wanted is None:
        raise ValueError(f"there is no level {level}")
    if names != wanted:
        words = [
            w for w, needed in zip(("user", "workspace", "key"), wanted, strict=True) if needed
        ]
        raise ValueError(f"a limit of this level names {' and '.join(words) or 'nobody'}, no more")


def zone_of(
    level: str, *, user: User | None, workspace: Workspace | None, api_key: ApiKey | None
) -> str:
    """In which days begin: the person's own, the workspace's, or the site's."""
    if level == Level.USER and user is not None:
        return user.time_zone
    team = api_key.workspace if api_key is not None else workspace
    return team.time_zone if team is not None else (settings.TIME_ZONE or "UTC")


def create_team_budget(team: Workspace, *, limit_nanos: int, by: User) -> Budget:
    """What all members of a team may spend together in a month: the limit a team begins with."""
    return create_budget(
        workspace=team,
        level=Level.WORKSPACE,
        period=Period.MONTH,
        limit_nanos=limit_nanos,
        name="Team's monthly limit",
        set_by=by,
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


def set_limit(
    budget: Budget,
    *,
    limit_nanos: int,
    now: datetime,
    by: User | None = None,
    pace_aware: bool | None = None,
) -> None:
    """Change the limit, at once also for the running window; top-ups come on top. Lowering it below
    what is spent is allowed and refuses every further call; what is held stays held.

    `pace_aware` says whether it saves ahead of its pace; None leaves that as it is.
    """
    if limit_nanos < 0:
        raise ValueError("a limit cannot be below nothing")
    terms: dict[str, int] = {"limit_nanos": limit_nanos}
    if pace_aware is not None:
        terms["pace_aware"] = pace_aware
    with transaction.atomic():
        before = Budget.objects.values(*terms).get(pk=budget.pk)
        changed = {name: value for name, value in terms.items() if value != before[name]}
        Budget.objects.filter(pk=budget.pk).update(**terms)
        running = Window.objects.filter(budget=budget).exclude(ends_at__lte=now)
        limit = limit_nanos + F("topped_up_nanos")
        running.update(limit_nanos=limit, peak_limit_nanos=Greatest("peak_limit_nanos", limit))
        note_reached_by(budget, now=now)
        if changed:
            note_limit(
                Action.LIMIT_CHANGED,
                budget,
                by=by,
                before={name: before[name] for name in changed},
                after=changed,
            )
    budget.limit_nanos = limit_nanos
    if pace_aware is not None:
        budget.pace_aware = pace_aware


def set_alerts(
    budget: Budget, *, percents: Sequence[int], now: datetime, by: User | None = None
) -> None:
    """Tell people at these shares of the limit, in rising order; what is reached already, now."""
    with transaction.atomic():
        before = Budget.objects.values_list("alert_percents", flat=True).get(pk=budget.pk)
        budget.alert_percents = list(percents)
        if budget.alert_percents == before:
            return
        Budget.objects.filter(pk=budget.pk).update(alert_percents=budget.alert_percents)
        note_reached_by(budget, now=now)
        note_limit(
            Action.LIMIT_CHANGED,
            budget,
            by=by,
            before={"alerts_at_percent": before},
            after={"alerts_at_percent": budget.alert_percents},
        )


def close_budget(budget: Budget, *, by: User | None = None) -> None:
    """The budget no longer applies; its windows and entries stay for ever."""
    with transaction.atomic():
        if Budget.objects.filter(pk=budget.pk, is_active=True).update(is_active=False):
            note_limit(
                Action.LIMIT_CLOSED, budget, by=by, before={"limit_nanos": budget.limit_nanos}
            )
    budget.is_active = False


def move_time_zone(user: User, time_zone: str) -> None:
    """Days, weeks and months begin at another midnight from the next window on."""
    Budget.objects.filter(level=Level.USER, user=user).update(time_zone=time_zone)

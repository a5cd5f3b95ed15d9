"""Which windows the cost of a request must be held in."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Max, Q

from router_app.budgets.windows import period_bounds
from router_app.errors import Unavailable
from router_app.models import Budget, Window


def applying_budgets(user_id: int, task_type: str) -> list[Budget]:
    """The person's active budgets that cover this task, in primary-key order."""
    covers = Q(task_type="") | Q(task_type=task_type)
    return list(Budget.objects.filter(covers, user_id=user_id, is_active=True).order_by("pk"))


def current_windows(budgets: Iterable[Budget], now: datetime) -> list[Window]:
    """The window of each budget that `now` lies in, in primary-key order; made where missing.

    To be called in a transaction. Raises Unavailable rather than leave a budget out.
    """
    wanted = {budget.pk: budget for budget in budgets}
    found = open_windows(wanted, now)
    if missing := wanted.keys() - found.keys():
        # Locked, so that a limit which is being changed now is the new window's limit too.
        rows = Budget.objects.select_for_update().filter(pk__in=missing).order_by("pk")
        Window.objects.bulk_create([_new_window(row, now) for row in rows], ignore_conflicts=True)
        found = open_windows(wanted, now)
    if len(found) < len(wanted):
        raise Unavailable("A budget could not be opened. Try again in a few seconds.")
    for window in found.values():
        window.budget = wanted[window.budget_id]
    return sorted(found.values(), key=lambda window: window.pk)


def open_windows(budgets: dict[int, Budget], now: datetime) -> dict[int, Window]:
    """By budget id, the window that `now` lies in, where there is one already."""
    running = Q(ends_at__isnull=True) | Q(ends_at__gt=now)
    windows = Window.objects.filter(running, budget_id__in=budgets, starts_at__lte=now)
    return {window.budget_id: window for window in windows}


def _new_window(budget: Budget, now: datetime) -> Window:
    starts_at, ends_at = period_bounds(budget.period, ZoneInfo(budget.time_zone), now)
    last_end = budget.windows.aggregate(last=Max("ends_at"))["last"]
    if last_end is not None:
        # After a change of the time zone a new period could reach back into one that has ended.
        starts_at = max(starts_at, last_end)
    return Window(
        budget=budget,
        starts_at=starts_at,
        ends_at=ends_at,
        limit_nanos=budget.limit_nanos,
        peak_limit_nanos=budget.limit_nanos,
    )

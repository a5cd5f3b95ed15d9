"""The budgets that cover a task, and their windows, as an admission finds them."""

from datetime import datetime

from router_app.budgets.plans import OpenWindow, current_windows
from router_app.models import Budget


def applying_budgets(user_id: int, task: str) -> list[Budget]:
    """In primary-key order."""
    active = Budget.objects.filter(user_id=user_id, is_active=True, task_type__in=["", task])
    return list(active.order_by("pk"))


def windows_for(user_id: int, task: str, now: datetime) -> list[OpenWindow]:
    """Made where they are missing."""
    windows = current_windows(applying_budgets(user_id, task), now).values()
    return sorted(windows, key=lambda window: window.pk)

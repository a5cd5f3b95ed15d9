"""When so much of a limit is spent that somebody should know: written once a window and threshold.

In the transaction that spends. `crossed` tells cheaply whether a batch of closings carried any
window over one of its thresholds; only then `note_reached` reads what is so, and writes it. What is
held counts for nothing here: most of it comes back.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import Q

from router_app.budgets.ledger import Counters
from router_app.models import Alert, Budget, Level, Window


def is_reached(percent: int, *, used_nanos: int, limit_nanos: int) -> bool:
    """Whether so much of a limit is used; of nothing, nothing is."""
    return used_nanos > 0 and used_nanos * 100 >= percent * limit_nanos


def crossed(budget: Budget, counters: Counters, *, added_nanos: int) -> bool:
    """Whether the last `added_nanos` of what the window's counters show reached a threshold."""
    used, limit = counters.spent_nanos + counters.overage_nanos, counters.limit_nanos
    return any(
        is_reached(percent, used_nanos=used, limit_nanos=limit)
        and not is_reached(percent, used_nanos=used - added_nanos, limit_nanos=limit)
        for percent in budget.alert_percents
    )


def note_reached(window_ids: Iterable[int], *, now: datetime) -> None:
    """Write an alert for every threshold that these windows have reached and that has none.

    Whatever happens at the same time: the alert's key is unique, and whoever is second writes none.
    """
    windows = Window.objects.filter(pk__in=list(window_ids), budget__is_active=True)
    running = windows.filter(Q(ends_at=None) | Q(ends_at__gt=now))
    alerts = [
        _alert(window, percent, now)
        for window in running.select_related("budget", "budget__api_key")
        for percent in window.budget.alert_percents
        if is_reached(percent, used_nanos=_used(window), limit_nanos=window.limit_nanos)
    ]
    if alerts:
        Alert.objects.bulk_create(alerts, ignore_conflicts=True)


def note_reached_by(budget: Budget, *, now: datetime) -> None:
    """The same for a budget's running window, after its limit or its thresholds were changed."""
    windows = Window.objects.filter(budget=budget).exclude(ends_at__lte=now)
    note_reached(windows.values_list("pk", flat=True), now=now)


def carried_over(
    budgets: Mapping[int, Budget], counters: Mapping[int, Counters], added: Mapping[int, int]
) -> list[int]:
    """By window id: those that `added` nanos have carried over a threshold of their budgets."""
    return [
        window_id
        for window_id, nanos in added.items()
        if nanos > 0 and crossed(budgets[window_id], counters[window_id], added_nanos=nanos)
    ]


def _used(window: Window) -> int:
    return window.spent_nanos + window.overage_nanos


def _alert(window: Window, percent: int, now: datetime) -> Alert:
    budget = window.budget
    return Alert(
        key=f"window:{window.pk}:{percent}",
        kind=Alert.Kind.THRESHOLD,
        at=now,
        window=window,
        percent=percent,
        workspace_id=_workspace_id(budget),
        facts={
            "limit_nanos": window.limit_nanos,
            "spent_nanos": window.spent_nanos,
            "overage_nanos": window.overage_nanos,
        },
    )


def _workspace_id(budget: Budget) -> int | None:
    """Whose webhooks are told; None for the site's, and for a person's own."""
    if budget.level == Level.KEY and budget.api_key is not None:
        return budget.api_key.workspace_id
    return budget.workspace_id

"""When so much of a limit is spent that somebody should know: written once a window and threshold.

In the transaction that spends. `carried_on` tells cheaply which windows a batch of closings carried
over a whole percent; only of those `note_reached` reads the thresholds, as they are now, and writes
what is reached. What is held counts for nothing here: most of it comes back.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import Q

from router_app.budgets.ledger import Counters
from router_app.budgets.plans import lock_windows
from router_app.models import Alert, Budget, Level, Window

ALL = 100


def percent_of(used_nanos: int, limit_nanos: int) -> int:
    """How much of a limit is used, in whole percent rounded down; at most 100, and 0 of nothing."""
    if used_nanos <= 0:
        return 0
    return ALL if used_nanos >= limit_nanos else used_nanos * ALL // limit_nanos


def carried_on(counters: Mapping[int, Counters], added: Mapping[int, int]) -> list[int]:
    """By window id: those that the last `added` nanos of their counters carried over a percent."""
    return [
        window_id
        for window_id, nanos in added.items()
        if nanos > 0 and _is_carried_on(counters[window_id], nanos)
    ]


def _is_carried_on(counters: Counters, nanos: int) -> bool:
    used, limit = counters.spent_nanos + counters.overage_nanos, counters.limit_nanos
    return percent_of(used, limit) > percent_of(used - nanos, limit)


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
        if percent <= percent_of(_used(window), window.limit_nanos)
    ]
    if alerts:
        Alert.objects.bulk_create(alerts, ignore_conflicts=True)


def note_reached_by(budget: Budget, *, now: datetime) -> None:
    """The same for a budget's running window, after its limit or its thresholds were changed.

    Locked first: what is being spent in it now is seen here, or sees the change.
    """
    lock_windows((), [budget.pk], now=now)
    windows = Window.objects.filter(budget=budget).exclude(ends_at__lte=now)
    note_reached(windows.values_list("pk", flat=True), now=now)


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

"""From a decision that chose nothing to the error that the caller is told."""

from router_app.budgets.plans import OpenWindow
from router_app.errors import (
    BudgetExceeded,
    InvalidRequest,
    NoCandidate,
    ProviderOverloaded,
    Refusal,
    RouterError,
)
from router_app.routing.candidates import DropCode
from router_app.routing.decision import Decision
from router_app.routing.refusal import RefusalKind, RoutingRefusal
from router_app.routing.request import REQUEST_BUDGET

RESTING_SECONDS = 30  # the first cooling of a model


def error_of(decision: Decision, windows: list[OpenWindow]) -> RouterError:
    """The refusal in the product's error tree."""
    refusal = decision.refusal
    if refusal is None:  # chosen, and then another process took the money every time
        return _lost_the_race(decision, windows)
    if refusal.kind == RefusalKind.UNKNOWN_MODEL:
        return InvalidRequest(refusal.message, param="model", code="model_not_found")
    if refusal.kind == RefusalKind.NO_CANDIDATE:
        if any(c.drop and c.drop.code == DropCode.EXCLUDED for c in decision.dropped):
            message = "Every model that could answer is resting after failures. Try again soon."
            return ProviderOverloaded(message, retry_after_seconds=RESTING_SECONDS)
        reasons = {c.id: c.drop.reason for c in decision.dropped if c.drop}
        return NoCandidate(refusal.message, reasons)
    return _budget_exceeded(decision, refusal, windows)


def without_budget(task: str) -> BudgetExceeded:
    """No budget covers this task: nobody spends without a limit by accident."""
    message = f"No budget covers {task} requests. Set a limit, or ask an administrator for one."
    nothing = Refusal(
        budget="none",
        level="none",
        limit_nanos=0,
        spent_nanos=0,
        reserved_nanos=0,
        available_nanos=0,
        needed_nanos=0,
        resets_at=None,
        affordable_max_tokens=0,
        cheapest_model=None,
    )
    return BudgetExceeded(message, nothing)


def _budget_exceeded(
    decision: Decision, refusal: RoutingRefusal, windows: list[OpenWindow]
) -> BudgetExceeded:
    name = refusal.budget or REQUEST_BUDGET
    window = _tight_window(refusal.budget_pk, windows)
    limit = window.limit_nanos if window else decision.budget_nanos or 0
    details = Refusal(
        budget=name,
        level=window.budget.level if window else REQUEST_BUDGET,
        limit_nanos=limit,
        spent_nanos=window.spent_nanos + window.overage_nanos if window else 0,
        reserved_nanos=window.reserved_nanos if window else 0,
        available_nanos=max(0, refusal.available_nanos or 0),  # of a debt nothing
        needed_nanos=refusal.needed_nanos or 0,
        resets_at=window.ends_at if window else None,
        affordable_max_tokens=refusal.affordable_max_tokens,
        cheapest_model=refusal.cheapest_model,
    )
    return BudgetExceeded(refusal.message, details)


def _lost_the_race(decision: Decision, windows: list[OpenWindow]) -> BudgetExceeded:
    window = min(windows, key=lambda window: window.free_nanos)
    estimate = decision.chosen.estimate if decision.chosen else None
    details = Refusal(
        budget=window.budget.name,
        level=window.budget.level,
        limit_nanos=window.limit_nanos,
        spent_nanos=window.spent_nanos + window.overage_nanos,
        reserved_nanos=window.reserved_nanos,
        available_nanos=window.free_nanos,
        needed_nanos=estimate.ceiling_nanos if estimate else 0,
        resets_at=window.ends_at,
        affordable_max_tokens=0,
        cheapest_model=decision.chosen.id if decision.chosen else None,
    )
    message = f"The budget '{window.budget.name}' was taken by other requests just now."
    return BudgetExceeded(message, details)


def _tight_window(budget_pk: int | None, windows: list[OpenWindow]) -> OpenWindow | None:
    return next((window for window in windows if window.budget.pk == budget_pk), None)

"""A refusal in words: which limit, what is left, when it resets, what would fit.

It is kept with the message, so that the page says the same tomorrow. Amounts in nano-dollars.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING
from typing import Any
from zoneinfo import ZoneInfo

from router_app.errors import BudgetExceeded, NoCandidate, RouterError
from router_app.models import Level
from router_app.money import format_usd
from router_app.routing.request import REQUEST_BUDGET
from router_app.web.composer import Choices

NO_BUDGET = "none"  # the refusal's budget where no limit covers the task


@dataclass(frozen=True, slots=True)
class RefusalView:
    """What the page shows of a refusal."""

    title: str
    message: str
    budget: str = ""
    level: str = ""  # whose limit it is; "" in what was kept before levels were
    limit_nanos: int = 0
    spent_nanos: int = 0
    reserved_nanos: int = 0
    available_nanos: int = 0
    needed_nanos: int = 0
    resets_at: datetime | None = None
    affordable_max_tokens: int = 0
    cheapest_model: str = ""
    reasons: tuple[tuple[str, str], ...] = ()  # model, why not
    asked: Choices | None = None

    @property
    def is_about_money(self) -> bool:
        return bool(self.budget)

    @property
    def is_request_budget(self) -> bool:
        return self.budget == REQUEST_BUDGET

    @property
    def has_limit(self) -> bool:
        """Whether there is a limit with numbers to show."""
        return self.is_about_money and self.budget != NO_BUDGET

    @property
    def is_teams(self) -> bool:
        """Whether only admins of the workspace raise it."""
        return self.level in (Level.WORKSPACE, Level.MEMBER)

    @property
    def is_sites(self) -> bool:
        """Whether only administrators of the site raise it."""
        return self.level == Level.SITE

    @property
    def raise_words(self) -> str:
        return f"Ask with a budget of {format_usd(self.needed_nanos, rounding=ROUND_CEILING)}"

    @property
    def asked_for_a_model(self) -> bool:
        return self.asked is not None and bool(self.asked.model)


def refusal_as_json(error: RouterError, asked: Choices) -> dict[str, Any]:
    """What is kept of a refusal: `code`, `message`, `asked`, and the error's own details."""
    kept: dict[str, Any] = {"code": error.code, "message": error.message, "asked": asked.as_dict()}
    if isinstance(error, BudgetExceeded):
        members = error.refusal.as_dict()
        resets_at = members["resets_at"]
        kept["refusal"] = {**members, "resets_at": resets_at.isoformat() if resets_at else None}
    if isinstance(error, NoCandidate):
        kept["reasons"] = error.reasons
    return kept


def refusal_view(
    kept: Mapping[str, Any], *, zone: ZoneInfo, names: Mapping[str, str]
) -> RefusalView:
    """The refusal for its reader. `names`: model id -> name for people."""
    details = dict(kept.get("refusal") or {})
    asked = kept.get("asked")
    reasons = kept.get("reasons") or {}
    return RefusalView(
        title=_title(kept, details, asked),
        message=str(kept.get("message", "")),
        budget=details.get("budget", ""),
        level=details.get("level", ""),
        limit_nanos=details.get("limit_nanos", 0),
        spent_nanos=details.get("spent_nanos", 0),
        reserved_nanos=details.get("reserved_nanos", 0),
        available_nanos=details.get("available_nanos", 0),
        needed_nanos=details.get("needed_nanos", 0),
        resets_at=_moment(details.get("resets_at"), zone),
        affordable_max_tokens=details.get("affordable_max_tokens", 0),
        cheapest_model=names.get(details.get("cheapest_model") or "", ""),
        reasons=tuple((names.get(model, model), why) for model, why in reasons.items()),
        asked=Choices(**asked) if asked else None,
    )


def _title(
    kept: Mapping[str, Any], details: Mapping[str, Any], asked: Mapping[str, Any] | None
) -> str:
    budget = details.get("budget")
    if budget == REQUEST_BUDGET and asked:
        return f"Not sent: {format_usd(asked['budget_nanos'])} is too little for this request"
    if budget == NO_BUDGET:
        return "Not sent: no budget covers this request"
    if budget:
        return f"Not sent: “{budget}” does not allow it"
    if kept.get("code") == NoCandidate.code:
        return "Not sent: no model may answer this"
    return "Not sent"


def _moment(text: str | None, zone: ZoneInfo) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(zone) if text else None

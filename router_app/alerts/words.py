"""What people and receivers are told about an alert. Only names and amounts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse

from router_app.alerts.pace import Pace, pace_of
from router_app.analytics.forecast import TooLittle
from router_app.analytics.outlooks import outlook_of
from router_app.models import Alert, Budget, Window
from router_app.money import format_usd, plain_usd

Kind = Alert.Kind
DAY = "%A %-d %B"


@dataclass(frozen=True, slots=True)
class Told:
    """`link` is a path on this site."""

    title: str
    text: str
    link: str


def told(alert: Alert) -> Told:
    """An alert in words."""
    if alert.window is not None:
        return _threshold(alert, alert.window, alert.window.budget)
    amount = format_usd(alert.facts.get("amount_nanos", 0))
    where = f" in {alert.workspace}" if alert.workspace else ""
    if alert.kind == Kind.OVERAGE:
        return Told(
            "A call cost more than was held",
            f"The provider billed {amount} above what was held for a request of {alert.user}"
            f"{where}. It is booked outside of the limits, and what is free is less by it.",
            reverse("history"),
        )
    if alert.kind == Kind.PRESUMED:
        return Told(
            "A charge is presumed",
            f"{amount} is booked for a request of {alert.user}{where} of which nobody knows what "
            "it cost. An admin can confirm or correct it.",
            reverse("budgets_presumed"),
        )
    if alert.kind == Kind.MODEL_GONE:
        return Told(
            f"{alert.facts['model']} is gone",
            "Its provider no longer knows this model. Requests go to others until an administrator "
            "makes it available again.",
            reverse("models"),
        )
    if alert.kind == Kind.OUT_OF_MONEY:
        return Told(
            f"{alert.facts['provider']} is out of money",
            "The provider refuses requests because its own spending limit or credit is used up. "
            "Requests go to other providers until that is raised there.",
            reverse("models"),
        )
    return Told("A test", "This is how alerts arrive here.", reverse("alerts"))


def body_of(alert: Alert) -> dict[str, Any]:
    """What a webhook is sent; amounts are exact, in US dollars as text."""
    words = told(alert)
    body: dict[str, Any] = {
        "id": str(alert.pk),
        "type": alert.kind,
        "at": alert.at.isoformat(timespec="seconds"),
        "title": words.title,
        "text": words.text,
    }
    if alert.workspace is not None:
        body["workspace"] = {"id": alert.workspace_id, "name": str(alert.workspace)}
    if alert.window is not None:
        body["budget"] = _budget(alert, alert.window, alert.window.budget)
    for name in ("model", "provider"):
        if name in alert.facts:
            body[name] = alert.facts[name]
    if "amount_nanos" in alert.facts:
        body["amount_usd"] = plain_usd(alert.facts["amount_nanos"])
    return body


def _budget(alert: Alert, window: Window, budget: Budget) -> dict[str, Any]:
    pace = _pace(alert, window, budget)
    return {
        "id": budget.pk,
        "name": budget.name,
        "level": budget.level,
        "period": budget.period,
        "percent": alert.percent,
        "limit_usd": plain_usd(alert.facts["limit_nanos"]),
        "spent_usd": plain_usd(_used(alert)),
        "starts_at": window.starts_at.isoformat() if window.ends_at else None,
        "resets_at": window.ends_at.isoformat() if window.ends_at else None,
        "elapsed_percent": pace.elapsed_percent,
        "runs_out_at": pace.runs_out_at.isoformat(timespec="seconds") if pace.runs_out_at else None,
    }


def _threshold(alert: Alert, window: Window, budget: Budget) -> Told:
    limit, used = alert.facts["limit_nanos"], _used(alert)
    is_gone = used >= limit
    title = f"{budget.name} is spent" if is_gone else f"{budget.name}: {alert.percent} % is spent"
    then = _gone if is_gone else _course
    text = f"{format_usd(used)} of {format_usd(limit)} is spent. {then(alert, window, budget)}"
    return Told(title, text, reverse("budgets_forecast", args=[budget.pk]))


def _gone(alert: Alert, window: Window, budget: Budget) -> str:
    if window.ends_at is None:
        return "Requests are refused until it is raised."
    day = _day(window.ends_at, budget, alert)
    return f"Requests are refused until it resets on {day} or is raised."


def _course(alert: Alert, window: Window, budget: Budget) -> str:
    pace, passed = _pace(alert, window, budget), ""
    if pace.elapsed_percent is not None:
        passed = f"{pace.elapsed_percent} % of the {budget.period} has passed. "
    if pace.runs_out_at is not None:
        likely = "It is likely to run out" if pace.is_forecast else "At this pace it runs out"
        return f"{passed}{likely} on {_day(pace.runs_out_at, budget, alert)}."
    if passed:
        return passed + ("It is likely to last." if pace.is_forecast else "At this pace it lasts.")
    return ""


def _pace(alert: Alert, window: Window, budget: Budget) -> Pace:
    """By the forecast, where there is enough to make one; else by the straight line so far."""
    line = _straight(alert, window, budget)
    outlook = outlook_of(budget, alert.at)
    if isinstance(outlook, TooLittle):
        return line
    return Pace(line.elapsed_percent, outlook.runs_out_at, is_forecast=True)


def _straight(alert: Alert, window: Window, budget: Budget) -> Pace:
    return pace_of(
        used_nanos=_used(alert),
        limit_nanos=alert.facts["limit_nanos"],
        begun_at=max(window.starts_at, budget.created_at),
        starts_at=window.starts_at,
        ends_at=window.ends_at,
        now=alert.at,
    )


def _used(alert: Alert) -> int:
    return int(alert.facts["spent_nanos"]) + int(alert.facts["overage_nanos"])


def _day(at: datetime, budget: Budget, alert: Alert) -> str:
    """With the hour where that is less than a day away."""
    here = at.astimezone(ZoneInfo(budget.time_zone))
    return here.strftime(f"{DAY}, %H:%M" if at - alert.at < timedelta(days=1) else DAY)

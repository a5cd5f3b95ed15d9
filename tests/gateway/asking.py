"""Asking the gateway in tests: one line instead of ten."""

import asyncio
from decimal import Decimal
from typing import Any

from router_app.gateway import service
from router_app.gateway.admission import admit_all
from router_app.gateway.asked import Asked, Outcome, Recorder, Sizes
from router_app.gateway.requests import Answer, Face, RouteRequest
from router_app.models import User
from router_app.money import nanos_from_usd
from router_app.routing.tasks import Quality, Task


def a_request(user: User, prompt: str = "Explain quicksort", **changed: Any) -> RouteRequest:
    """A request as the JSON face would make it; `budget` in USD."""
    budget = changed.pop("budget", "0.01")
    facts: dict[str, Any] = {
        "user_id": user.pk,
        "face": Face.ROUTE,
        "messages": ({"role": "user", "content": prompt},),
        "task": Task(changed.pop("task", "general")),
        "quality": Quality(changed.pop("quality", "medium")),
        "budget_nanos": None if budget is None else nanos_from_usd(Decimal(budget)),
    }
    return RouteRequest(**{**facts, **changed})


def ask(user: User, prompt: str = "Explain quicksort", **changed: Any) -> Answer:
    """Ask and wait for the answer."""
    return asyncio.run(service.answer(a_request(user, prompt, **changed)))


def admit(request: RouteRequest, record: Recorder | None = None) -> Outcome:
    """Hold the money for a first attempt; for the writer's thread."""
    return admit_all([Asked(request, Sizes.of(request), record=record)])[0]

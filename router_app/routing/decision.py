"""The decision: a receipt that is stored with the call, shown on the page, answered by the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from router_app.routing.candidates import Candidate, Clamp
from router_app.routing.refusal import RoutingRefusal
from router_app.routing.request import Funds
from router_app.routing.tasks import Quality, Task


class Route(StrEnum):
    """Which of the rules made the choice."""

    BEST = "best"  # highest score at the floor
    CHEAPEST = "cheapest"  # nothing at the floor: the cheapest affordable
    SQUEEZED = "squeezed"  # cut to what the windows have left
    OVERRIDE = "override"  # the caller named the model
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, why, and about whom. Amounts in nano-dollars."""

    policy_version: str
    task: Task
    quality: Quality
    floor: int
    budget_nanos: int | None
    max_tokens: int | None
    model: str | None  # the caller's override
    allow_lower_quality: bool
    funds: tuple[Funds, ...]
    route: Route
    reason: str  # the `routing_reason`
    quality_met: bool
    candidates: tuple[Candidate, ...]  # ranked first, the chosen at their head; then the dropped
    refusal: RoutingRefusal | None = None

    @property
    def chosen(self) -> Candidate | None:
        """The candidate of rank 1, or None if the request is refused."""
        raise NotImplementedError

    @property
    def ranked(self) -> tuple[Candidate, ...]:
        """Those in the running, best first: the second would be next."""
        raise NotImplementedError

    @property
    def dropped(self) -> tuple[Candidate, ...]:
        """Those with a drop reason."""
        raise NotImplementedError

    @property
    def clamp(self) -> Clamp | None:
        """How the chosen cap was lowered to what a budget pays for, if it was."""
        raise NotImplementedError

    @property
    def clamped(self) -> bool:
        """Whether the chosen cap was lowered."""
        raise NotImplementedError

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-able members, amounts as integer nanos, words as strings."""
        raise NotImplementedError

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Decision":
        """The decision that `as_dict` came from, also after a round trip through JSON."""
        raise NotImplementedError

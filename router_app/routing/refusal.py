"""What a refused request is told: which budget is tight and what would fit."""

from dataclasses import dataclass
from enum import StrEnum


class RefusalKind(StrEnum):
    """Why there is no candidate."""

    BUDGET = "budget"
    NO_CANDIDATE = "no_candidate"
    UNKNOWN_MODEL = "unknown_model"


@dataclass(frozen=True, slots=True)
class RoutingRefusal:
    """Why nothing was chosen. The money members are set for kind "budget" only; nano-dollars."""

    kind: RefusalKind
    message: str  # a sentence for people
    budget: str | None = None  # the tight one: "request", or the name of a Funds
    available_nanos: int | None = None  # what that one has
    needed_nanos: int | None = None  # what it must have for the cheapest model's shortest answer
    cheapest_model: str | None = None
    affordable_max_tokens: int = 0  # asking again with this max_tokens fits; 0: nothing does

"""The decision: a receipt that is stored with the call, shown on the page, answered by the API."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum, StrEnum
from typing import Any

from router_app.routing.candidates import Candidate, Clamp, Drop, DropCode, Estimate, Score
from router_app.routing.refusal import RefusalKind, RoutingRefusal
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
        return next(iter(self.ranked), None)

    @property
    def ranked(self) -> tuple[Candidate, ...]:
        """Those in the running, best first: the second would be next."""
        return tuple(candidate for candidate in self.candidates if candidate.rank is not None)

    @property
    def dropped(self) -> tuple[Candidate, ...]:
        """Those with a drop reason."""
        return tuple(candidate for candidate in self.candidates if candidate.drop is not None)

    @property
    def reasons(self) -> dict[str, str]:
        """Model id -> why it was dropped, in words."""
        return {item.id: item.drop.reason for item in self.candidates if item.drop is not None}

    @property
    def clamp(self) -> Clamp | None:
        """How the chosen cap was lowered to what a budget pays for, if it was."""
        chosen = self.chosen
        return chosen.priced.clamp if chosen else None

    @property
    def clamped(self) -> bool:
        """Whether the chosen cap was lowered."""
        return self.clamp is not None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-able members, amounts as integer nanos, words as strings.

        Besides the fields: `chosen`, the id of rank 1 or None, and `total` in each score.
        """
        members: dict[str, Any] = _plain(self)
        for candidate in members["candidates"]:
            score = candidate["score"]
            score["total"] = score["quality"] + score["bonus"]
        chosen = self.chosen
        return {"chosen": chosen.id if chosen else None, **members}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Decision":
        """The decision that `as_dict` came from, also after a round trip through JSON."""
        return cls(**_known(cls, data) | _parts(data))


def _plain(value: Any) -> Any:
    """Dataclasses as dicts, tuples as lists, enums as their words."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    return value


def _parts(data: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a decision that are more than plain values."""
    return {
        "task": Task(data["task"]),
        "quality": Quality(data["quality"]),
        "route": Route(data["route"]),
        "funds": tuple(Funds(**_known(Funds, funds)) for funds in data["funds"]),
        "candidates": tuple(_candidate(candidate) for candidate in data["candidates"]),
        "refusal": _refusal(data.get("refusal")),
    }


def _candidate(data: Mapping[str, Any]) -> Candidate:
    drop = data.get("drop")
    parts = {
        "score": Score(**_known(Score, data["score"])),
        "estimate": _estimate(data.get("estimate")),
        "drop": Drop(DropCode(drop["code"]), drop["reason"]) if drop else None,
    }
    return Candidate(**_known(Candidate, data) | parts)


def _estimate(data: Mapping[str, Any] | None) -> Estimate | None:
    if data is None:
        return None
    clamp = data.get("clamp")
    parts = {"clamp": Clamp(**_known(Clamp, clamp)) if clamp else None}
    return Estimate(**_known(Estimate, data) | parts)


def _refusal(data: Mapping[str, Any] | None) -> RoutingRefusal | None:
    if data is None:
        return None
    return RoutingRefusal(**_known(RoutingRefusal, data) | {"kind": RefusalKind(data["kind"])})


def _known(cls: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """The members of `data` that `cls` has: a receipt may be older or newer than this code."""
    return {item.name: data[item.name] for item in fields(cls) if item.name in data}

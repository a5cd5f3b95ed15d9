"""The decision: a receipt that is stored with the call, shown on the page, answered by the API."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from router_app.routing.candidates import Candidate, Clamp
from router_app.routing.pace import Saving
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


class Decision(msgspec.Struct, frozen=True):
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
    saving: Saving | None = None  # the rule of `pace.py` was in force

    @property
    def chosen(self) -> Candidate | None:
        """The candidate of rank 1, or None if the request is refused."""
        first = self.candidates[0] if self.candidates else None
        return first if first is not None and first.rank is not None else None

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

    def as_json(self) -> str:
        """Compact JSON: amounts as integer nanos, words as strings.

        Besides the fields it holds `chosen`, the id of rank 1 or null, and it begins with that.
        """
        first = self.chosen
        chosen = msgspec.json.encode(first and first.id)
        members = msgspec.json.encode(self)
        return (b'{"chosen":' + chosen + b"," + members[1:]).decode()

    def as_dict(self) -> dict[str, Any]:
        """The members of `as_json`."""
        members: dict[str, Any] = msgspec.json.decode(self.as_json())
        return members

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Decision":
        """The decision that `as_dict` or `as_json` came from.

        A receipt may be older or newer than this code: unknown members are left out, missing ones
        have their defaults. Raises ValueError where that is not enough.
        """
        return msgspec.convert(data, cls)


# msgspec learns a struct's members when it is first read, and a second thread that reads one in the
# middle of that ends the process: two readers of a history were enough. Imports are one at a time.
msgspec.json.Decoder(Decision)

"""How one attempt has ended, and what was booked for it. Amounts in nano-dollars."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from router_app.budgets import ledger
from router_app.budgets.statements import Statement
from router_app.gateway.requests import Admission
from router_app.models import Call, Reservation
from router_app.money import token_cost_nanos
from router_app.providers.base import ProviderFailure, Usage
from router_app.records import Record


class Ending(Record, frozen=True):
    """How one attempt ended. `usage` None: presume, unless `released`."""

    UNSHOWN = frozenset({"text"})

    outcome: Call.Outcome
    usage: Usage | None = None
    released: bool = False  # provably not billed
    was_sent: bool = True  # False: the provider never heard of it
    finish_reason: str = ""
    failure: ProviderFailure | None = None
    provider_request_id: str = ""
    first_token_at: datetime | None = None
    last: bool = True  # no further attempt follows
    message_id: uuid.UUID | None = None
    text: str = ""
    error: dict[str, object] | None = None  # for the page, where there is no whole answer


class Closed(Record, frozen=True):
    """What was booked. Amounts in nano-dollars."""

    cost_nanos: int
    total_cost_nanos: int
    closed_at: datetime
    budgets: tuple[Statement, ...]  # those that paid, as they stand now


@dataclass(frozen=True, slots=True)
class Closure:
    """One attempt that has ended."""

    admission: Admission
    ending: Ending
    cost_nanos: int = field(init=False)  # what is booked

    def __post_init__(self) -> None:
        object.__setattr__(self, "cost_nanos", self._cost_nanos())

    @property
    def state(self) -> Reservation.State:
        """Settle, release or presume."""
        if self.ending.released:
            return Reservation.State.RELEASED
        if self.ending.usage is None:
            return Reservation.State.PRESUMED
        return Reservation.State.SETTLED

    def as_ledger_knows_it(self) -> ledger.Closing:
        """The end of its reservation."""
        admission = self.admission
        return ledger.Closing(
            reservation_id=admission.reservation_id,
            window_ids=[window.pk for window in admission.windows],
            amount_nanos=admission.reserved_nanos,
            state=self.state,
            actual_nanos=self.cost_nanos,
        )

    def _cost_nanos(self) -> int:
        usage = self.ending.usage
        if self.ending.released:
            return 0
        if usage is None:
            return self.admission.reserved_nanos
        return token_cost_nanos(
            self.admission.rates,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
        )

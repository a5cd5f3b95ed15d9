"""One model of the catalogue as a candidate: its estimate and score, or why it was dropped.

These are made by the dozen for each request and stored as JSON, hence msgspec's structs: frozen
like the dataclasses of what goes in, several times as quick to make and to write. They hold no
cycles, so the garbage collector need not look at them.
"""

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import force_setattr


class DropCode(StrEnum):
    """Why a model is not in the running."""

    RETIRED = "retired"
    OFF = "off"
    UNAVAILABLE = "unavailable"
    NO_PRICE = "no_price"
    EXCLUDED = "excluded"  # just failed or cooled; the reason says which
    NOT_ASKED = "not_asked"  # another model was asked for
    LACKS_ABILITY = "lacks_ability"  # the reason names what is missing
    CONTEXT_TOO_SMALL = "context_too_small"
    BELOW_FLOOR = "below_floor"
    OVER_REQUEST_BUDGET = "over_request_budget"  # by the expected cost
    OVER_FUNDS = "over_funds"  # by the expected cost, a window
    CAP_TOO_SMALL = "cap_too_small"  # the money buys no useful answer


class Drop(Struct, frozen=True, gc=False):
    """A code for programs and a sentence for people."""

    code: DropCode
    reason: str


class Score(Struct, frozen=True, gc=False):
    """The score and its parts: total = quality + bonus."""

    quality: int
    bonus: int
    total: int = 0  # always the sum, whatever is given

    def __post_init__(self) -> None:
        force_setattr(self, "total", self.quality + self.bonus)


class Clamp(Struct, frozen=True, gc=False):
    """The output cap was lowered to what a budget pays for."""

    budget: str  # the name of the Funds, or "request"
    from_tokens: int
    to_tokens: int


class Estimate(Struct, frozen=True, gc=False):
    """Tokens and nano-dollars of one call to one model."""

    expected_input_tokens: int
    expected_output_tokens: int  # before clamping
    bound_input_tokens: int  # the most the input can be, the template allowance included
    useful_tokens: int  # a cap below this is not worth a call
    wanted_cap_tokens: int  # before clamping: asked or default, within the model's limits
    cap_tokens: int  # what is reserved and sent
    expected_cost_nanos: int  # what the choice is made by
    estimated_cost_nanos: int  # the price tag: the same under cap_tokens, never above the ceiling
    ceiling_nanos: int  # what is reserved
    useful_ceiling_nanos: int  # the ceiling of the least useful answer
    clamp: Clamp | None = None


class Candidate(Struct, frozen=True, gc=False):
    """A model spec's facts, its estimate (None without a price), and its rank or drop."""

    id: str
    name: str
    provider: str
    model_pk: int
    price_pk: int
    score: Score
    estimate: Estimate | None
    rank: int | None = None  # 1: chosen; 2: would be next
    drop: Drop | None = None

    @property
    def priced(self) -> Estimate:
        """The estimate of one that can serve. Raises ValueError where no price is in force."""
        if self.estimate is None:
            raise ValueError(f"{self.id} has no price")
        return self.estimate

"""The price tag of a prompt that has not been sent: how much, by whom and why, what is left.

It is made of the gateway's preview of the very request that sending would make, so it is the same
decision. Amounts in nano-dollars.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from router_app.budgets.statements import Statement
from router_app.errors import RouterError
from router_app.estimates.cost import expected_cost_nanos
from router_app.estimates.output import expected_output_tokens
from router_app.estimates.tokens import estimate_input_tokens
from router_app.gateway import service
from router_app.gateway.service import Preview
from router_app.models import Period, User
from router_app.routing.candidates import Candidate, Estimate
from router_app.web.composer import ComposerForm
from router_app.web.exchanges import Exchange
from router_app.web.refusals import RefusalView, refusal_as_json, refusal_view
from router_app.web.words import first_words


@dataclass(frozen=True, slots=True)
class Offer:
    """What sending would do: the chosen model, its estimate, and the tightest budget for it."""

    chosen: Candidate
    estimate: Estimate
    reason: str
    quality_met: bool
    left: Statement | None  # of the budgets that would hold the money; None: no limit
    has_earlier: bool  # turns of the conversation go along
    earlier_nanos: int  # so much of the likely cost is because of them

    @property
    def why(self) -> str:
        """The reason's first words."""
        return first_words(self.reason)

    @property
    def is_of_today(self) -> bool:
        return self.left is not None and self.left.period == Period.DAY

    @property
    def earlier_percent(self) -> str:
        """The earlier turns' part of the likely cost: "62 %", "< 1 %"."""
        likely = self.estimate.estimated_cost_nanos
        percent = 100 * self.earlier_nanos // likely if likely else 0
        return f"{percent} %" if percent else "< 1 %"

    @property
    def is_mostly_earlier(self) -> bool:
        """Whether the earlier turns are most of the likely cost."""
        return 2 * self.earlier_nanos > self.estimate.estimated_cost_nanos


@dataclass(frozen=True, slots=True)
class PriceTag:
    """An offer, a refusal, or what is wrong with what was typed; empty where nothing was."""

    offer: Offer | None = None
    refusal: RefusalView | None = None
    fits_alone: bool = False  # what is refused would not be without the earlier turns
    problem: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.offer or self.refusal or self.problem)

    @property
    def offers_fresh_start(self) -> bool:
        """Whether the same words in a new conversation would be a good deal cheaper."""
        return self.fits_alone or (self.offer is not None and self.offer.is_mostly_earlier)


def offer_tag(exchange: Exchange, preview: Preview) -> PriceTag:
    """The tag of what would be sent."""
    chosen = preview.decision.chosen
    assert chosen is not None  # noqa: S101  else the preview is an error
    paying = [each for each in preview.budgets if each.model_pk in (None, chosen.model_pk)]
    offer = Offer(
        chosen=chosen,
        estimate=chosen.priced,
        reason=preview.decision.reason,
        quality_met=preview.decision.quality_met,
        left=min(paying, key=lambda each: each.free_nanos, default=None),
        has_earlier=bool(exchange.memory.turns),
        earlier_nanos=_earlier_nanos(exchange, preview, chosen.priced),
    )
    return PriceTag(offer)


def refusal_tag(
    exchange: Exchange, error: RouterError, reader: User, *, fits_alone: bool
) -> PriceTag:
    """The tag of what would be refused. Reads the catalogue, for the names of models."""
    names = {spec.id: spec.name for spec in service.catalog().specs}
    kept = refusal_as_json(error, exchange.choices)
    refusal = refusal_view(kept, zone=ZoneInfo(reader.time_zone), names=names)
    return PriceTag(refusal=refusal, fits_alone=fits_alone)


def problem_tag(form: ComposerForm) -> PriceTag:
    """The tag of what cannot even be asked: what is wrong first. Empty where nothing was typed."""
    if not str(form["prompt"].value() or "").strip():
        return PriceTag()
    return PriceTag(problem=next(str(errors[0]) for errors in form.errors.values()))


def _earlier_nanos(exchange: Exchange, preview: Preview, estimate: Estimate) -> int:
    """What the likely cost would be lower by if the same model were asked without earlier turns.

    They are read as input, and more input makes a longer answer likely.
    """
    rates = preview.spec.rates
    if not exchange.memory.turns or rates is None:
        return 0
    alone = estimate_input_tokens([{"role": "user", "content": exchange.prompt}])
    answer = min(expected_output_tokens(exchange.choices.task, alone), estimate.cap_tokens)
    cost = expected_cost_nanos(rates, input_tokens=alone, output_tokens=answer)
    return max(0, estimate.estimated_cost_nanos - cost)

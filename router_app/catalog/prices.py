"""Prices as people type and read them: USD per million tokens, and the slips that happen.

Providers list prices per token, per thousand and per million. A price in the wrong unit is off by a
factor of a thousand or a million, so it is far below or above what any model has ever cost.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from router_app.models import LanguageModel, Price
from router_app.money import Rates, plain_usd, token_cost_nanos

LOWEST_LIKELY = Decimal("0.005")  # USD per million tokens
HIGHEST_LIKELY = Decimal(1000)
JUMP = 100  # a new price this many times above or below the one before
CACHED_SHARE = Decimal("0.01")  # of the input rate; no provider's cache is cheaper
EXAMPLE_INPUT_TOKENS = 1_000
EXAMPLE_OUTPUT_TOKENS = 500


@dataclass(frozen=True, slots=True)
class Slip:
    """A rate that is probably in another unit, and what is wrong with it in words."""

    field: str  # input, cached_input, output
    message: str


def price_in_force(model: LanguageModel, at: datetime) -> Price | None:
    """The model's price at a moment, or None."""
    return model.prices.filter(valid_from__lte=at).order_by("-valid_from", "-pk").first()


def example_cost_nanos(rates: Rates) -> int:
    """What 1,000 input and 500 output tokens cost, in nano-dollars."""
    return token_cost_nanos(
        rates, input_tokens=EXAMPLE_INPUT_TOKENS, output_tokens=EXAMPLE_OUTPUT_TOKENS
    )


def example_text(rates: Rates) -> str:
    """ "1,000 in + 500 out = $0.00045", exact to the nano-dollar."""
    cost = Decimal(plain_usd(example_cost_nanos(rates)))
    return f"{EXAMPLE_INPUT_TOKENS:,} in + {EXAMPLE_OUTPUT_TOKENS:,} out = {usd_text(cost)}"


def usd_text(amount: Decimal) -> str:
    """A rate or an exact amount in US dollars: "$0.59", "$0.0375", "$4.00"; nothing is rounded."""
    decimals = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"${amount:,.{decimals}f}"


def slips(rates: Rates, previous: Rates | None) -> list[Slip]:
    """What looks like a price per thousand tokens, per token or in cents; at most one a rate.

    `previous` are the rates that the new ones follow, where there are any.
    """
    found = []
    for field in ("input", "output"):
        before = getattr(previous, field) if previous else None
        message = _implausible(getattr(rates, field)) or _jump(getattr(rates, field), before)
        if message:
            found.append(Slip(field, message))
    if rates.cached_input < rates.input * CACHED_SHARE:
        found.append(Slip("cached_input", _far_below_input(rates)))
    return found


def _implausible(rate: Decimal) -> str:
    if rate == 0:
        return "Zero makes this model free: nothing it does would be charged."
    if rate < LOWEST_LIKELY:
        unit, likely = _likely_unit(rate)
        return (
            f"{usd_text(rate)} for a million tokens is very little. If this is a price per {unit}, "
            f"enter {likely}."
        )
    if rate > HIGHEST_LIKELY:
        return (
            f"{usd_text(rate)} for a million tokens is very much. Is this a price per billion "
            "tokens, or in cents?"
        )
    return ""


def _likely_unit(rate: Decimal) -> tuple[str, str]:
    per_thousand = rate * 1_000
    if per_thousand >= LOWEST_LIKELY:
        return "thousand tokens", _digits(per_thousand)
    return "token", _digits(rate * 1_000_000)


def _jump(rate: Decimal, before: Decimal | None) -> str:
    if not before or not rate or before / JUMP < rate < before * JUMP:
        return ""
    way, factor = ("", rate / before) if rate > before else (" below", before / rate)
    times = f"{int(factor):,}"
    return (
        f"{_digits(rate)} is {times} times{way} the price before ({_digits(before)}). "
        "Rates are per million tokens."
    )


def _far_below_input(rates: Rates) -> str:
    return (
        f"{usd_text(rates.cached_input)} is less than a hundredth of the input rate. "
        "Rates are per million tokens."
    )


def _digits(amount: Decimal) -> str:
    return f"{amount.normalize():f}"

"""Money: integer nano-dollars inside, `Decimal` US dollars at the edges, never a float sum.

One nano-dollar is 10⁻⁹ USD. The cheapest price in use is 50 nanos a token, so every cost is a
whole number of nanos after rounding up once. Names of amounts in nanos end in `_nanos`.
"""

from dataclasses import dataclass, field
from decimal import (
    MAX_EMAX,
    MIN_EMIN,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    InvalidOperation,
)

NANOS_PER_USD = 1_000_000_000
TOKENS_PER_RATE = 1_000_000
MAX_NANOS = 2**63 - 1  # what a BigIntegerField holds: 9.2 billion USD
MAX_TOKENS = 2**31 - 1

_NANO = Decimal("1E-9")
_MAX_USD_EXPONENT = 9  # 9.2E+9 USD
_RATE_DECIMALS = 6  # of a price's column: pico-dollars a token
_EXACT = Context(prec=100, Emax=MAX_EMAX, Emin=MIN_EMIN)


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices of one model, each in USD per **million** tokens.

    Costs are computed in whole *units*: pico-dollars a token, or a finer power of ten where a rate
    has more than six decimals, so that the arithmetic is exact and of integers.
    """

    input: Decimal
    cached_input: Decimal
    output: Decimal
    input_units: int = field(init=False, repr=False, compare=False)
    cached_input_units: int = field(init=False, repr=False, compare=False)
    dearer_input_units: int = field(init=False, repr=False, compare=False)  # plain or cached
    output_units: int = field(init=False, repr=False, compare=False)
    units_per_nano: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rates = (self.input, self.cached_input, self.output)
        decimals = max(_RATE_DECIMALS, *map(_decimals, rates))
        plain, cached, output = (int(rate.scaleb(decimals, context=_EXACT)) for rate in rates)
        units = {
            "input_units": plain,
            "cached_input_units": cached,
            "dearer_input_units": max(plain, cached),
            "output_units": output,
            "units_per_nano": 10**decimals // (NANOS_PER_USD // TOKENS_PER_RATE),
        }
        for name, value in units.items():
            object.__setattr__(self, name, value)


def _decimals(rate: Decimal) -> int:
    """How many digits follow the point."""
    return -int(rate.as_tuple().exponent)


def nanos_from_usd(usd: Decimal | int | str, *, rounding: str | None = None) -> int:
    """Convert US dollars to nano-dollars.

    Raises ValueError for what is not a finite number, for an amount finer than a nano-dollar
    unless a `decimal` rounding mode is given, and for more than a 64-bit integer holds.
    """
    try:
        amount = Decimal(usd)
    except InvalidOperation:
        raise ValueError("an amount of money must be a number") from None
    if not amount.is_finite():
        raise ValueError("an amount of money must be a finite number")
    if amount.adjusted() > _MAX_USD_EXPONENT:
        raise ValueError("this amount of money is too large")
    # Every digit counts when asking whether the amount is exact, however many there are.
    exact = Context(prec=len(amount.as_tuple().digits) + 1, Emax=MAX_EMAX, Emin=MIN_EMIN)
    nanos = amount.scaleb(9, context=exact)
    whole = nanos.to_integral_value(rounding=rounding or ROUND_HALF_EVEN)
    if rounding is None and whole != nanos:
        raise ValueError("an amount of money cannot be finer than a nano-dollar (9 decimals)")
    if abs(whole) > MAX_NANOS:
        raise ValueError("this amount of money is too large")
    return int(whole)


def usd_from_nanos(nanos: int) -> Decimal:
    """The exact amount in US dollars, without trailing zeros. For text use `plain_usd`."""
    return Decimal(plain_usd(nanos))


def plain_usd(nanos: int) -> str:
    """The exact amount in US dollars as digits: `0.000413`, `12.4`, `0`, `-3`."""
    sign = "-" if nanos < 0 else ""
    whole, fraction = divmod(abs(nanos), NANOS_PER_USD)
    return f"{sign}{whole}.{fraction:09d}".rstrip("0") if fraction else f"{sign}{whole}"


def format_usd(nanos: int, *, rounding: str = ROUND_HALF_EVEN, digits: int = 3) -> str:
    """An amount for people: `$12.40`, `$0.000413`, `$0.0000123`, `$0.00` only for nothing.

    At least cents, and at least so many significant `digits`, so that what cost something never
    reads as nothing; with 3, cents are all there is from one dollar up. What is left wants
    ROUND_FLOOR and what is needed ROUND_CEILING, so that no amount promises more than there is.
    The exact figure is `plain_usd`.
    """
    sign = "-" if nanos < 0 else ""
    amount = Decimal(abs(nanos)) * _NANO
    if nanos == 0:
        return "$0.00"
    places = max(2, digits - 1 - amount.adjusted())
    shown = amount.quantize(Decimal(1).scaleb(-places), rounding=rounding)
    text = f"{shown:,f}".rstrip("0")
    decimals = len(text.partition(".")[2])
    return f"{sign}${shown:,.2f}" if decimals < 2 else f"{sign}${text}"


def token_cost_nanos(
    rates: Rates, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0
) -> int:
    """What a call costs in nano-dollars, rounded **up**.

    `cached_tokens` is a subset of `input_tokens` and billed at the cached rate; reasoning tokens
    are a subset of `output_tokens`. Formula: ((input - cached) x input rate + cached x cached rate
    + output x output rate) / 10⁶ USD. Raises ValueError for negative counts or cached > input.
    """
    if not 0 <= cached_tokens <= input_tokens or output_tokens < 0:
        raise ValueError("token counts must be >= 0 and cached tokens a part of the input tokens")
    units = (
        (input_tokens - cached_tokens) * rates.input_units
        + cached_tokens * rates.cached_input_units
        + output_tokens * rates.output_units
    )
    return -(-units // rates.units_per_nano)

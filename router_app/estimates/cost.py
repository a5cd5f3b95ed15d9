"""What a call is likely to cost, and the most it can cost. Amounts in nano-dollars.

The *expected* cost is for choosing and for the price tag; the *ceiling* is what gets reserved, and
its output cap is what the provider is sent, so that no bill can be higher.
"""

from decimal import Decimal

from router_app.money import NANOS_PER_USD, TOKENS_PER_RATE, Rates, affordable_tokens
from router_app.money import token_cost_nanos as _cost


def expected_cost_nanos(rates: Rates, *, input_tokens: int, output_tokens: int) -> int:
    """Likely cost: the estimated input and output tokens at full rates (nothing cached)."""
    return _cost(rates, input_tokens=input_tokens, output_tokens=output_tokens)


def ceiling_nanos(rates: Rates, *, bound_input_tokens: int, cap_tokens: int) -> int:
    """The most a call can cost: the input bound and the whole output cap, rounded up.

    Input is taken at the dearer of the plain and the cached rate.
    """
    dearer = max(rates.input, rates.cached_input)
    worst = Rates(input=dearer, cached_input=dearer, output=rates.output)
    return _cost(worst, input_tokens=bound_input_tokens, output_tokens=cap_tokens)


def affordable_cap_tokens(rates: Rates, *, bound_input_tokens: int, money_nanos: int) -> int:
    """The largest output cap whose ceiling is within `money_nanos`; 0 if there is none.

    Exact inverse of `ceiling_nanos`: the input's price is subtracted unrounded.
    """
    per_token = max(rates.input, rates.cached_input) * (NANOS_PER_USD // TOKENS_PER_RATE)
    return affordable_tokens(rates.output, Decimal(money_nanos) - bound_input_tokens * per_token)

"""What a call is likely to cost, and the most it can cost. Amounts in nano-dollars.

The *expected* cost is for choosing and for the price tag; the *ceiling* is what gets reserved, and
its output cap is what the provider is sent, so that no bill can be higher.
"""

from router_app.money import MAX_TOKENS, Rates


def expected_cost_nanos(rates: Rates, *, input_tokens: int, output_tokens: int) -> int:
    """Likely cost: the estimated input and output tokens at full rates (nothing cached).

    Rounded up. Raises ValueError for negative counts.
    """
    if input_tokens < 0 or output_tokens < 0:
        raise ValueError("token counts must be >= 0")
    units = input_tokens * rates.input_units + output_tokens * rates.output_units
    return -(-units // rates.units_per_nano)


def ceiling_nanos(rates: Rates, *, bound_input_tokens: int, cap_tokens: int) -> int:
    """The most a call can cost: the input bound and the whole output cap, rounded up.

    Input is taken at the dearer of the plain and the cached rate. Raises ValueError for negative
    counts.
    """
    if bound_input_tokens < 0 or cap_tokens < 0:
        raise ValueError("token counts must be >= 0")
    units = bound_input_tokens * rates.dearer_input_units + cap_tokens * rates.output_units
    return -(-units // rates.units_per_nano)


def affordable_cap_tokens(rates: Rates, *, bound_input_tokens: int, money_nanos: int) -> int:
    """The largest output cap whose ceiling is within `money_nanos`; 0 if there is none.

    Exact inverse of `ceiling_nanos`: the input's price is subtracted unrounded. Never more than
    2³¹ - 1, which is also the answer where output is free, unless there is a debt.
    """
    left = money_nanos * rates.units_per_nano - bound_input_tokens * rates.dearer_input_units
    if left < 0:
        return 0
    if rates.output_units <= 0:
        return MAX_TOKENS
    return min(left // rates.output_units, MAX_TOKENS)

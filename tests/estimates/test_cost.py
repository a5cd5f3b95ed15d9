"""Expected cost, ceiling, and the largest cap that money pays for."""

from decimal import ROUND_CEILING, Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_app.estimates.cost import affordable_cap_tokens, ceiling_nanos, expected_cost_nanos
from router_app.money import MAX_TOKENS, Rates

LLAMA_70B = Rates(Decimal("0.59"), Decimal("0.59"), Decimal("0.79"))
RATE = st.decimals("0", "100", places=6)


def test_the_sample_call_of_the_published_prices() -> None:
    assert expected_cost_nanos(LLAMA_70B, input_tokens=100, output_tokens=423) == 393_170


def test_the_ceiling_takes_the_dearer_input_rate() -> None:
    odd = Rates(input=Decimal(1), cached_input=Decimal(3), output=Decimal(2))
    assert ceiling_nanos(odd, bound_input_tokens=10, cap_tokens=5) == 40_000


@given(RATE, RATE, st.integers(0, 200_000), st.integers(0, 10**12))
def test_the_affordable_cap_is_the_exact_inverse_of_the_ceiling(
    input_rate: Decimal, output_rate: Decimal, bound: int, money: int
) -> None:
    rates = Rates(input_rate, input_rate, output_rate)
    cap = affordable_cap_tokens(rates, bound_input_tokens=bound, money_nanos=money)
    if cap:
        assert ceiling_nanos(rates, bound_input_tokens=bound, cap_tokens=cap) <= money
    if cap < MAX_TOKENS:
        assert ceiling_nanos(rates, bound_input_tokens=bound, cap_tokens=cap + 1) > money


@given(RATE, RATE, st.integers(0, 10_000), st.integers(0, 10_000), st.data())
def test_expected_is_never_above_the_ceiling_it_belongs_to(
    input_rate: Decimal, output_rate: Decimal, bound: int, cap: int, data: st.DataObject
) -> None:
    rates = Rates(input_rate, input_rate, output_rate)
    likely = expected_cost_nanos(
        rates,
        input_tokens=data.draw(st.integers(0, bound)),
        output_tokens=data.draw(st.integers(0, cap)),
    )
    assert likely <= ceiling_nanos(rates, bound_input_tokens=bound, cap_tokens=cap)


# The same in US dollars, slowly: what the whole units are held against.
WIDE = Context(prec=60)


def ceiling_in_decimals(rates: Rates, bound: int, cap: int) -> int:
    usd = bound * max(rates.input, rates.cached_input) + cap * rates.output
    return int((usd * 1000).to_integral_value(rounding=ROUND_CEILING))


def affordable_in_decimals(rates: Rates, bound: int, money: int) -> int:
    left = Decimal(money) - bound * max(rates.input, rates.cached_input) * 1000
    if left < 0:
        return 0
    if rates.output == 0:
        return MAX_TOKENS
    per_token = WIDE.multiply(rates.output, Decimal(1000))
    return int(min(WIDE.divide_int(left, per_token), Decimal(MAX_TOKENS)))


RATES = st.builds(Rates, RATE, RATE, st.sampled_from([Decimal(0)]) | RATE)


@given(RATES, st.integers(0, 10**7), st.integers(0, 10**7), st.integers(-10, 10**15))
def test_whole_units_say_what_decimals_say(rates: Rates, bound: int, cap: int, money: int) -> None:
    assert ceiling_nanos(rates, bound_input_tokens=bound, cap_tokens=cap) == ceiling_in_decimals(
        rates, bound, cap
    )
    affordable = affordable_cap_tokens(rates, bound_input_tokens=bound, money_nanos=money)
    assert affordable == affordable_in_decimals(rates, bound, money)


def test_free_output_needs_no_money_but_no_debt_either() -> None:
    free = Rates(Decimal(0), Decimal(0), Decimal(0))
    assert affordable_cap_tokens(free, bound_input_tokens=9, money_nanos=0) == MAX_TOKENS
    assert affordable_cap_tokens(free, bound_input_tokens=9, money_nanos=-1) == 0


@pytest.mark.parametrize("counts", [(-1, 0), (0, -1)])
def test_impossible_counts_have_no_ceiling(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="token counts"):
        ceiling_nanos(LLAMA_70B, bound_input_tokens=counts[0], cap_tokens=counts[1])

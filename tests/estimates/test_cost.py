"""Expected cost, ceiling, and the largest cap that money pays for."""

from decimal import Decimal

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

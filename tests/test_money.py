"""No float's tail, no rounding in our favour, nothing that cost something reads as nothing."""

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_app.money import (
    MAX_NANOS,
    Rates,
    format_usd,
    nanos_from_usd,
    plain_usd,
    token_cost_nanos,
    usd_from_nanos,
)

NANOS = st.integers(-MAX_NANOS, MAX_NANOS)
RATE = st.decimals("0", "1000", places=6)
TOKENS = st.integers(0, 10_000_000)


@st.composite
def rates(draw: st.DrawFn) -> Rates:
    return Rates(draw(RATE), draw(RATE), draw(RATE))


@pytest.mark.parametrize(
    ("usd", "nanos"),
    [
        ("0.001", 1_000_000),
        ("1e-9", 1),
        ("5", 5_000_000_000),
        (Decimal("0.000413"), 413_000),
        ("-0.5", -500_000_000),
        ("-0", 0),
        ("1.000000000000", 1_000_000_000),
        (0, 0),
    ],
)
def test_dollars_become_whole_nanos(usd: str | Decimal | int, nanos: int) -> None:
    assert nanos_from_usd(usd) == nanos


@pytest.mark.parametrize(
    "usd",
    [
        *("NaN", "sNaN", "Infinity", "-Infinity", "abc", "", "1,5"),
        *("9223372036.854775808", "1e10", "1e999999", "-1e999999"),
        *("1e-10", "0.0000000015", "1e-999999", "1." + "0" * 80 + "1"),
    ],
)
def test_what_is_no_amount_is_a_value_error(usd: str) -> None:
    with pytest.raises(ValueError, match="amount of money"):
        nanos_from_usd(usd)


def test_finer_than_a_nano_is_rounded_only_on_request() -> None:
    assert nanos_from_usd("0.0000000011", rounding=ROUND_CEILING) == 2
    assert nanos_from_usd("0.0000000019", rounding=ROUND_FLOOR) == 1
    assert nanos_from_usd("1e-999999", rounding=ROUND_CEILING) == 1
    assert nanos_from_usd("1e-999999", rounding=ROUND_FLOOR) == 0


def test_the_largest_amount_is_what_the_column_holds() -> None:
    assert nanos_from_usd(plain_usd(MAX_NANOS)) == MAX_NANOS


@given(NANOS)
def test_nanos_survive_the_way_to_dollars_and_back(nanos: int) -> None:
    assert nanos_from_usd(usd_from_nanos(nanos)) == nanos
    assert nanos_from_usd(plain_usd(nanos)) == nanos


@given(NANOS)
def test_plain_dollars_are_digits_without_a_tail(nanos: int) -> None:
    text = plain_usd(nanos)
    assert re.fullmatch(r"-?(0|[1-9]\d*)(\.\d{0,8}[1-9])?", text)
    assert Decimal(text) * 10**9 == nanos


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (12_400_000_000, "$12.40"),
        (413_000, "$0.000413"),
        (12_345, "$0.0000123"),
        (0, "$0.00"),
        (1, "$0.000000001"),
        (10, "$0.00000001"),
        (1_000_000, "$0.001"),
        (500_000_000, "$0.50"),
        (123_456_789, "$0.123"),
        (99_960_000, "$0.10"),
        (999_900_000, "$1.00"),
        (999_999_999, "$1.00"),
        (1_000_000_000, "$1.00"),
        (1_234_567_890_000, "$1,234.57"),
        (-413_000, "-$0.000413"),
        (-12_400_000_000, "-$12.40"),
        (-5_000_000_000_000, "-$5,000.00"),
    ],
)
def test_amounts_for_people(nanos: int, text: str) -> None:
    assert format_usd(nanos) == text


@given(NANOS.filter(bool))
def test_what_cost_something_never_reads_as_nothing(nanos: int) -> None:
    text = format_usd(nanos)
    assert re.fullmatch(r"-?\$\d{1,3}(,\d{3})*\.\d{2,9}", text)
    shown = Decimal(text.replace("$", "").replace(",", ""))
    assert shown != 0
    assert (shown < 0) == (nanos < 0)
    assert abs(shown * 10**9 - nanos) <= max(abs(nanos) / Decimal(200), Decimal(0))


def test_the_published_sample_cost() -> None:
    seventy = Rates(Decimal("0.59"), Decimal("0.59"), Decimal("0.79"))
    assert format_usd(token_cost_nanos(seventy, input_tokens=0, output_tokens=523)) == "$0.000413"


@given(rates(), TOKENS, TOKENS, st.data())
def test_cost_is_the_exact_sum_rounded_up(
    prices: Rates, input_tokens: int, output_tokens: int, data: st.DataObject
) -> None:
    cached = data.draw(st.integers(0, input_tokens))
    cost = token_cost_nanos(
        prices, input_tokens=input_tokens, output_tokens=output_tokens, cached_tokens=cached
    )
    exact = 1000 * (
        (input_tokens - cached) * Fraction(prices.input)
        + cached * Fraction(prices.cached_input)
        + output_tokens * Fraction(prices.output)
    )
    assert isinstance(cost, int)
    assert 0 <= cost - exact < 1


def cost_in_decimals(
    rates: Rates, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0
) -> int:
    """The formula in USD, as it reads in the documentation; slow."""
    millionths = (
        (input_tokens - cached_tokens) * rates.input
        + cached_tokens * rates.cached_input
        + output_tokens * rates.output
    )
    return int((millionths * 1000).to_integral_value(rounding=ROUND_CEILING))


# Of other columns, and typed in the wrong unit: more decimals than a price in the catalogue has.
FINE = st.decimals("0", "1000", places=9) | st.decimals("0", "0.000001", places=12)


@given(st.builds(Rates, RATE | FINE, RATE | FINE, RATE | FINE), TOKENS, TOKENS, st.data())
def test_whole_units_cost_what_decimals_cost(
    prices: Rates, input_tokens: int, output_tokens: int, data: st.DataObject
) -> None:
    counts = {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cached_tokens": data.draw(st.integers(0, input_tokens)),
    }
    assert token_cost_nanos(prices, **counts) == cost_in_decimals(prices, **counts)


def test_rates_are_equal_however_many_zeros_they_are_written_with() -> None:
    short, long = Rates(*[Decimal("0.5")] * 3), Rates(*[Decimal("0.5000000000")] * 3)
    assert short == long
    counts = {"input_tokens": 7, "output_tokens": 9}
    assert token_cost_nanos(short, **counts) == token_cost_nanos(long, **counts) == 8_000
    assert Rates(*[Decimal("1E+3")] * 3) == Rates(*[Decimal(1000)] * 3)


def test_a_rate_that_is_no_number_is_refused() -> None:
    for odd in ("NaN", "Infinity"):
        with pytest.raises(ValueError):
            Rates(Decimal(odd), Decimal(1), Decimal(1))


@pytest.mark.parametrize(
    "counts",
    [
        {"input_tokens": -1, "output_tokens": 0},
        {"input_tokens": 0, "output_tokens": -1},
        {"input_tokens": 5, "output_tokens": 0, "cached_tokens": 6},
        {"input_tokens": 5, "output_tokens": 0, "cached_tokens": -1},
    ],
)
def test_impossible_counts_are_refused(counts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="token counts"):
        token_cost_nanos(Rates(Decimal(1), Decimal(1), Decimal(1)), **counts)


@pytest.mark.parametrize(
    ("nanos", "rounding", "shown"),
    [
        (4_999_043_600, ROUND_FLOOR, "$4.99"),  # what is left never reads as the whole five
        (5_000_000_000, ROUND_FLOOR, "$5.00"),
        (999_999, ROUND_FLOOR, "$0.000999"),
        (12_250, ROUND_CEILING, "$0.0000123"),  # what is needed is enough
        (999_900_000, ROUND_CEILING, "$1.00"),
        (1, ROUND_FLOOR, "$0.000000001"),
    ],
)
def test_what_is_left_rounds_down_and_what_is_needed_up(
    nanos: int, rounding: str, shown: str
) -> None:
    assert format_usd(nanos, rounding=rounding) == shown


def test_what_is_left_adds_up_with_what_was_spent() -> None:
    assert format_usd(4_998_790_000, rounding=ROUND_FLOOR, digits=5) == "$4.9987"
    assert format_usd(1_234_567_890_000, rounding=ROUND_FLOOR, digits=5) == "$1,234.56"
    assert format_usd(5_000_000_000, rounding=ROUND_FLOOR, digits=5) == "$5.00"
    assert format_usd(248_990_000, rounding=ROUND_FLOOR, digits=5) == "$0.24899"

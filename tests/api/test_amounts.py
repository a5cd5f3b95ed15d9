"""Money in JSON text: digits, exact to the nano-dollar, in both directions."""

import json
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_app.api.amounts import budget_nanos, encode, usd
from router_app.api.bodies import read_json

PLAIN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]{0,8}[1-9])?")
NANO = Decimal("1E-9")


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_amount_is_written_as_its_digits(nanos: int) -> None:
    text = encode({"cost": usd(nanos)}).decode()

    assert PLAIN.fullmatch(text.removeprefix('{"cost":').removesuffix("}"))
    assert json.loads(text, parse_float=Decimal)["cost"] == nanos * NANO


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, b"0"),
        (1, b"0.000000001"),
        (413, b"0.000000413"),
        (413_000, b"0.000413"),
        (1_000_000_000, b"1"),
        (12_400_000_000, b"12.4"),
        (-413_000, b"-0.000413"),
        (299_999_999_999_999, b"299999.999999999"),
    ],
)
def test_amounts_read_like_prices(nanos: int, text: bytes) -> None:
    assert encode(usd(nanos)) == text


@given(st.integers(1, 10**15))
def test_a_budget_arrives_to_the_nano_dollar(nanos: int) -> None:
    text = encode({"budget": usd(nanos)})

    assert budget_nanos(read_json(text)["budget"]) == nanos


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        (b"0.01", 10_000_000),
        (b"1e-9", 1),
        (b"1E-3", 1_000_000),
        (b"0.1000000000000", 100_000_000),
        (b"1.0", 1_000_000_000),
        (b"10e2", 1_000_000_000_000),
    ],
)
def test_a_number_may_be_spelled_as_json_allows(text: bytes, nanos: int) -> None:
    assert budget_nanos(read_json(text)) == nanos

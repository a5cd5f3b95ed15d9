"""Prices in the wrong unit are noticed, and named."""

from decimal import Decimal

import pytest

from router_app.catalog.prices import example_text, slips, usd_text
from router_app.money import Rates


def _rates(input_: str, output: str, cached: str | None = None) -> Rates:
    return Rates(Decimal(input_), Decimal(input_ if cached is None else cached), Decimal(output))


BEFORE = _rates("0.59", "0.79")


@pytest.mark.parametrize(
    ("input_", "output"),
    [
        ("0.59", "0.79"),
        ("0.005", "0.005"),
        ("0.02", "0.02"),
        ("15", "75"),
        ("150", "600"),
        ("1000", "1000"),
    ],
)
def test_prices_that_models_have_had_are_taken(input_, output):
    assert slips(_rates(input_, output), None) == []


@pytest.mark.parametrize(
    ("input_", "output", "fields", "named"),
    [
        ("0.00059", "0.79", ["input"], "price per thousand tokens, enter 0.59"),
        ("0.59", "0.00079", ["output"], "price per thousand tokens, enter 0.79"),
        ("0.00015", "0.0006", ["input", "output"], "price per thousand tokens, enter 0.15"),
        ("0.00000059", "0.79", ["input"], "price per token, enter 0.59"),
        ("0.0049", "0.01", ["input"], "price per thousand tokens, enter 4.9"),
        ("590", "1000.01", ["output"], "per billion tokens, or in cents"),
        ("590000", "790000", ["input", "output"], "per billion"),
        ("0", "0.79", ["input"], "free"),
        ("0.59", "0", ["output"], "free"),
        ("0", "0", ["input", "output"], "nothing it does would be charged"),
    ],
)
def test_a_rate_in_another_unit_is_named(input_, output, fields, named):
    found = slips(_rates(input_, output), None)
    assert [slip.field for slip in found] == fields
    assert named in found[0].message


@pytest.mark.parametrize(
    ("input_", "output", "fields"),
    [
        ("58.9", "78.9", []),
        ("59", "0.79", ["input"]),
        ("0.59", "79", ["output"]),
        ("0.006", "0.00791", []),
        ("0.0059", "0.0079", ["input", "output"]),
        ("590", "790", ["input", "output"]),
    ],
)
def test_a_jump_by_a_hundred_is_noticed(input_, output, fields):
    assert [slip.field for slip in slips(_rates(input_, output), BEFORE)] == fields


def test_a_jump_says_how_far():
    assert "1,000 times the price before (0.59)" in slips(_rates("590", "0.79"), BEFORE)[0].message
    below = slips(_rates("0.0059", "0.79"), BEFORE)[0].message
    assert "100 times below the price before (0.59)" in below


def test_a_price_after_a_free_one_is_no_jump():
    assert slips(_rates("0.59", "0.79"), _rates("0", "0")) == []


@pytest.mark.parametrize(
    ("cached", "noticed"), [("0.59", False), ("0.0059", False), ("0.00058", True), ("0", True)]
)
def test_a_cache_that_is_nearly_free_is_noticed(cached, noticed):
    found = slips(_rates("0.59", "0.79", cached), None)
    assert [slip.field for slip in found] == (["cached_input"] if noticed else [])


@pytest.mark.parametrize(
    ("input_", "output", "text"),
    [
        ("0.15", "0.60", "1,000 in + 500 out = $0.00045"),
        ("0.59", "0.79", "1,000 in + 500 out = $0.000985"),
        ("1000", "1000", "1,000 in + 500 out = $1.50"),
        ("0.000001", "0.000001", "1,000 in + 500 out = $0.000000002"),
        ("0", "0", "1,000 in + 500 out = $0.00"),
    ],
)
def test_an_ordinary_call_is_worked_out_exactly(input_, output, text):
    assert example_text(_rates(input_, output)) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [("0.59", "$0.59"), ("0.0375", "$0.0375"), ("4.000000", "$4.00"), ("1.125", "$1.125"),
     ("1200", "$1,200.00"), ("0", "$0.00")],
)  # fmt: skip
def test_a_rate_is_never_rounded(rate, text):
    assert usd_text(Decimal(rate)) == text

"""Amounts as people type them."""

import pytest
from django.core.exceptions import ValidationError

from router_app.web.fields import UsdField

DOLLAR = 1_000_000_000


@pytest.mark.parametrize(
    ("typed", "nanos"),
    [
        ("5", 5 * DOLLAR),
        ("5.", 5 * DOLLAR),
        (".5", DOLLAR // 2),
        ("0,5", DOLLAR // 2),
        (",5", DOLLAR // 2),
        ("$5", 5 * DOLLAR),
        (" $ 5.00 ", 5 * DOLLAR),
        ("5 USD", 5 * DOLLAR),
        ("1,000", 1000 * DOLLAR),
        ("1,000.50", 1000 * DOLLAR + DOLLAR // 2),
        ("1.000,50", 1000 * DOLLAR + DOLLAR // 2),
        ("1 000", 1000 * DOLLAR),
        ("1\u00a0000,5", 1000 * DOLLAR + DOLLAR // 2),
        ("0,125", DOLLAR // 8),
        ("0.000000001", 1),
        ("0", 0),
        ("0.10", DOLLAR // 10),
    ],
)
def test_an_amount_is_read_to_the_nano_dollar(typed, nanos):
    assert UsdField().clean(typed) == nanos


@pytest.mark.parametrize(
    "typed",
    ["five", "-1", "$-1", "1e3", "NaN", "inf", "1.2.3", "1,2,3", "1_000", "٥", "5 EUR", "$", "."],
)
def test_what_is_no_amount_is_refused(typed):
    with pytest.raises(ValidationError, match="US dollars, such as"):
        UsdField().clean(typed)


def test_an_amount_finer_than_a_nano_dollar_is_refused_and_never_rounded():
    with pytest.raises(ValidationError, match="9 decimals"):
        UsdField().clean("0.0000000001")


def test_an_amount_that_no_column_holds_is_refused():
    with pytest.raises(ValidationError, match="too large"):
        UsdField().clean("99999999999")


def test_bounds_are_said_in_dollars():
    field = UsdField(min_nanos=1_000, max_nanos=DOLLAR)
    with pytest.raises(ValidationError, match=r"smallest amount here is \$0\.000001"):
        field.clean("0")
    with pytest.raises(ValidationError, match=r"highest amount here is \$1\.00"):
        field.clean("1.01")


def test_nothing_typed_is_none_only_where_it_may_be_empty():
    assert UsdField(required=False).clean("  ") is None
    with pytest.raises(ValidationError, match="required"):
        UsdField().clean("  ")


def test_a_stored_amount_is_shown_exactly_and_what_was_typed_stays():
    assert UsdField().prepare_value(413_000) == "0.000413"
    assert UsdField().prepare_value("1,5x") == "1,5x"


def test_the_same_amount_typed_otherwise_is_no_change():
    assert not UsdField().has_changed(5 * DOLLAR, "$5.00")
    assert UsdField().has_changed(5 * DOLLAR, "5.01")
    assert UsdField().has_changed(5 * DOLLAR, "five")

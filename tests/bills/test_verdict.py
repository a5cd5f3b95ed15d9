"""What is said of a bill beside the books."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_app.bills.verdict import (
    CENT_NANOS,
    Cause,
    Code,
    Findings,
    Kind,
    Verdict,
    causes_of,
    verdict,
)

USD = 10**9
FOUND = [code for code in Code if code is not Code.ROUNDING]  # which is made for each bill


def books(charged: int, *causes: Cause, calls: int = 3) -> Findings:
    return Findings(charged, calls, causes)


@pytest.mark.parametrize("apart", [0, 1, -1, CENT_NANOS - 1, 1 - CENT_NANOS])
def test_less_than_a_cent_apart_matches(apart: int) -> None:
    assert verdict(books(5 * USD + apart), 5 * USD) == Verdict(Kind.MATCHES, apart)


def test_the_likeliest_cause_that_reaches_is_named() -> None:
    findings = books(
        5 * USD,
        Cause(Code.PRESUMED, 1, above_nanos=USD),
        Cause(Code.COUNTED, 1, above_nanos=3 * USD, below_nanos=USD),
        Cause(Code.CACHED, 1, below_nanos=9 * USD),
    )
    assert verdict(findings, 4 * USD).explained_by == (Code.PRESUMED,)
    assert verdict(findings, 3 * USD).explained_by == (Code.COUNTED,)
    assert verdict(findings, 6 * USD).explained_by == (Code.COUNTED,)
    assert verdict(findings, 8 * USD).explained_by == (Code.CACHED,)


def test_several_explain_what_none_does_alone() -> None:
    findings = books(
        9 * USD,
        Cause(Code.PRESUMED, 1, above_nanos=USD),
        Cause(Code.FAILED, 1, above_nanos=2 * USD),
    )
    found = verdict(findings, 6 * USD)
    assert found == Verdict(Kind.EXPLAINED, 3 * USD, (Code.FAILED, Code.PRESUMED))


def test_what_nothing_reaches_is_not_explained_to_the_nano() -> None:
    findings = books(9 * USD, Cause(Code.PRESUMED, 1, above_nanos=USD), calls=0)
    found = verdict(findings, 5 * USD)
    assert (found.kind, found.difference_nanos) == (Kind.UNEXPLAINED, 4 * USD)
    assert found.unexplained_nanos == 3 * USD


def test_a_cause_of_the_other_direction_explains_nothing() -> None:
    findings = books(9 * USD, Cause(Code.CACHED, 1, below_nanos=9 * USD))
    assert verdict(findings, 5 * USD).kind is Kind.UNEXPLAINED


@pytest.mark.parametrize(
    ("billed", "digit"),
    [(0, CENT_NANOS), (12_400_000_000, CENT_NANOS), (1_234_500_000, 100_000), (7, 1)],
)
def test_rounding_reaches_as_far_as_the_bills_last_digit(billed: int, digit: int) -> None:
    rounding = causes_of(books(0, calls=5), billed)[-1]
    assert (rounding.above_nanos, rounding.below_nanos) == (5 + digit - 1, digit - 1)


reaches = st.integers(0, 10**12)
causes = st.lists(
    st.builds(Cause, st.sampled_from(FOUND), st.just(1), reaches, reaches), max_size=6
).map(tuple)


@given(reaches, reaches, causes)
def test_what_is_explained_and_what_is_not_sum_to_the_difference(
    charged: int, billed: int, causes: tuple[Cause, ...]
) -> None:
    findings = Findings(charged, 1, causes)
    found = verdict(findings, billed)
    assert found.difference_nanos == charged - billed
    reach = sum(each.reach_nanos(charged - billed) for each in causes_of(findings, billed))
    missing = max(0, abs(charged - billed) - reach)
    if found.kind is not Kind.MATCHES:
        assert (found.kind is Kind.UNEXPLAINED) == (missing > 0)
        rounding = causes_of(findings, billed)[-1].reach_nanos(charged - billed)
        assert found.unexplained_nanos <= missing + rounding
        assert found.unexplained_nanos >= missing
    assert Findings.from_dict(findings.as_dict()) == findings

"""A bill beside what was charged: whether they match, and what could explain the rest. Pure.

Every cause has two reaches, computed from rows: by how much the books may be above the bill because
of it, and by how much below. They are bounds of what it could explain, never proof that it does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

CENT_NANOS = 10_000_000


class Code(StrEnum):
    """Why books and a bill may differ, the likelier first."""

    PRESUMED = "presumed"  # nobody knows, so all that was held was booked
    COUNTED = "counted"  # the stream broke or said nothing: tokens were counted here
    FAILED = "failed"  # attempts without a whole answer that were charged
    UNBILLED = "unbilled"  # attempts that failed and were booked at nothing
    OPEN = "open"  # under way when it was checked
    CACHED = "cached"  # tokens at the cached rate
    PRICE = "price"  # more than one price within the period
    ROUNDING = "rounding"  # each call up to a nano-dollar, the bill to its last digit


@dataclass(frozen=True, slots=True)
class Cause:
    """What one cause could explain, in nano-dollars, and how many calls it is about."""

    code: Code
    calls: int
    above_nanos: int = 0  # the books may be above the bill by up to this
    below_nanos: int = 0  # or below it by up to this

    def reach_nanos(self, difference_nanos: int) -> int:
        """How much of a difference in this direction it could explain."""
        return self.above_nanos if difference_nanos > 0 else self.below_nanos


@dataclass(frozen=True, slots=True)
class Findings:
    """What the calls of one model in one period say."""

    charged_nanos: int = 0
    calls: int = 0
    causes: tuple[Cause, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> "Findings":
        """From what `as_dict` made."""
        causes = (Cause(**{**each, "code": Code(each["code"])}) for each in kept["causes"])
        return cls(kept["charged_nanos"], kept["calls"], tuple(causes))


class Kind(StrEnum):
    """How a line ends."""

    MATCHES = "matches"  # less than a cent apart
    EXPLAINED = "explained"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of one bill; `difference_nanos` is the books less the bill."""

    kind: Kind
    difference_nanos: int
    explained_by: tuple[Code, ...] = ()
    unexplained_nanos: int = 0


def causes_of(findings: Findings, billed_nanos: int) -> tuple[Cause, ...]:
    """All causes of one bill: those found, and rounding."""
    digit = _last_digit(billed_nanos) - 1
    calls = findings.calls
    rounding = Cause(Code.ROUNDING, calls, above_nanos=calls + digit, below_nanos=digit)
    return (*findings.causes, rounding)


def verdict(findings: Findings, billed_nanos: int) -> Verdict:
    """Whether the bill matches, else the likeliest cause that reaches, else as few as it takes.

    Where all of them do not reach, those found are named, and what is missing besides them.
    """
    difference = findings.charged_nanos - billed_nanos
    size = abs(difference)
    if size < CENT_NANOS:
        return Verdict(Kind.MATCHES, difference)
    causes = causes_of(findings, billed_nanos)
    able = [each for each in causes if each.reach_nanos(difference) > 0]
    alone = next((each for each in able if each.reach_nanos(difference) >= size), None)
    chosen = (alone,) if alone else _largest_first(able, difference)
    if _reached(chosen, difference) >= size:
        return Verdict(Kind.EXPLAINED, difference, _codes(chosen))
    known = [each for each in able if each.code is not Code.ROUNDING]
    missing = size - _reached(known, difference)
    return Verdict(Kind.UNEXPLAINED, difference, _codes(known), missing)


def _reached(causes: Iterable[Cause], difference: int) -> int:
    return sum(each.reach_nanos(difference) for each in causes)


def _codes(causes: Iterable[Cause]) -> tuple[Code, ...]:
    return tuple(each.code for each in causes)


def _largest_first(causes: Sequence[Cause], difference: int) -> tuple[Cause, ...]:
    """As many as together reach the difference, or all of them."""
    chosen: list[Cause] = []
    missing = abs(difference)
    for each in sorted(causes, key=lambda cause: -cause.reach_nanos(difference)):
        if missing <= 0:
            break
        chosen.append(each)
        missing -= each.reach_nanos(difference)
    return tuple(chosen)


def _last_digit(billed_nanos: int) -> int:
    """What one unit of the bill's last digit is worth: at most a cent, at least a nano-dollar."""
    digit = CENT_NANOS
    while billed_nanos % digit:
        digit //= 10
    return digit

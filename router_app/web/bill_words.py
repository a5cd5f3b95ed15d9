"""Verdicts and causes in the words a person reads."""

from dataclasses import dataclass

from django.utils import timezone

from router_app.bills.entering import days_of
from router_app.bills.verdict import Cause, Code, Findings, Kind, Verdict, causes_of, verdict
from router_app.models import Bill
from router_app.money import format_usd

_NAMES = {
    Code.PRESUMED: "presumed charges",
    Code.COUNTED: "streams counted here",
    Code.FAILED: "failed attempts that were charged",
    Code.UNBILLED: "failed attempts booked at nothing",
    Code.OPEN: "requests under way",
    Code.CACHED: "cached tokens",
    Code.PRICE: "a price that changed",
    Code.ROUNDING: "rounding",
}
_WHY = {
    Code.PRESUMED: "Nobody knows what they cost, so all that was held is booked.",
    Code.COUNTED: "The provider reported no usage, so tokens were counted here.",
    Code.FAILED: "Stopped, broken or failed attempts are booked at what ran.",
    Code.UNBILLED: "Attempts that failed after they were sent; providers seldom bill them.",
    Code.OPEN: "Sent and not over when this was checked.",
    Code.CACHED: "Booked at the cached rate; the bill may have them at the plain one.",
    Code.PRICE: "There was more than one price in the period; the bill may know one of them.",
    Code.ROUNDING: "Each call is rounded up to a nano-dollar, the bill to its last digit.",
}


@dataclass(frozen=True, slots=True)
class ShownCause:
    """One cause for the page; amounts in nano-dollars."""

    name: str
    why: str
    calls: int
    above_nanos: int
    below_nanos: int
    is_presumed: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A bill with its verdict in words."""

    bill: Bill
    verdict: Verdict
    words: str
    mark: str  # class of the badge
    difference: str
    causes: tuple[ShownCause, ...]
    is_over: bool  # whether the period was when it was checked


def shown(bill: Bill) -> Shown:
    """The bill as pages and files tell of it."""
    findings = Findings.from_dict(bill.findings)
    found = verdict(findings, bill.amount_nanos)
    return Shown(
        bill=bill,
        verdict=found,
        words=_words(found),
        mark=_MARKS[found.kind],
        difference=_difference(found.difference_nanos),
        causes=tuple(_cause(each) for each in causes_of(findings, bill.amount_nanos)),
        is_over=days_of(bill).ends_at <= bill.checked_at <= timezone.now(),
    )


_MARKS = {Kind.MATCHES: "badge-ok", Kind.EXPLAINED: "", Kind.UNEXPLAINED: "badge-refused"}


def _words(found: Verdict) -> str:
    if found.kind is Kind.MATCHES:
        return "Matches to the cent"
    names = _listed([_NAMES[code] for code in found.explained_by])
    if found.kind is Kind.EXPLAINED:
        return f"Explained by {names}"
    missing = f"Not explained: {format_usd(found.unexplained_nanos)}"
    return f"{missing}; the rest by {names}" if names else missing


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _difference(nanos: int) -> str:
    if nanos == 0:
        return "none"
    return f"{format_usd(abs(nanos))} {'above' if nanos > 0 else 'below'} the bill"


def _cause(each: Cause) -> ShownCause:
    return ShownCause(
        _NAMES[each.code].capitalize(),
        _WHY[each.code],
        each.calls,
        each.above_nanos,
        each.below_nanos,
        each.code is Code.PRESUMED,
    )

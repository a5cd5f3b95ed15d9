"""How often forecasts hold: `python -m bench.forecast`.

Series of many kinds are stopped somewhere in a day, week or month; the end of that period is
forecast and compared with how it came. Beside the product's forecast stands the method that
suggests itself, weekday means and a bootstrap of the days' residuals, which does not know that
levels move and that it may be wrong about them. Widths and errors are shares of what so many
average days cost; the mean *score* is width plus ten times what was missed (Winkler's, for 80 %),
where the smaller is the better. Pure code, one thread.
"""

import argparse
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from bench.forecast_cases import Case, make_case
from bench.forecast_series import KINDS
from router_app.analytics.forecast import TooLittle, forecast

CASES = 200
MOST_SCORE = 20.0  # of one case, so that a single giant does not decide the mean
_RECENT = 56  # days that say what an average day is
_PENALTY = 10  # 2 / (1 - 80 %)

Interval = tuple[float, float, float]  # low, expected, high
Method = Callable[[Case], Interval | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one forecast."""

    held: bool
    width: float
    error: float
    score: float


def product(case: Case) -> Interval | None:
    """The product's forecast of the rest; None for too little data."""
    found = forecast(
        case.history,
        days_left=case.days_left,
        spent_nanos=0,
        limit_nanos=2**63 - 1,
        today_nanos=case.today_nanos,
        today_fraction=case.today_fraction,
    )
    if isinstance(found, TooLittle):
        return None
    return found.end.low_nanos, found.end.expected_nanos, found.end.high_nanos


def plain(case: Case, paths: int = 200) -> Interval:
    """Weekday means, and residuals drawn one by one."""
    rng = random.Random(1)
    days = [float(day or 0) for day in case.history.days_nanos]
    weekdays = [case.history.day(number).weekday() for number in range(len(days))]
    means = [
        fmean(day for day, its in zip(days, weekdays, strict=True) if its == weekday)
        for weekday in range(7)
    ]
    residuals = [day - means[its] for day, its in zip(days, weekdays, strict=True)]
    left = sum(case.history.later_nanos or ()) / max(1.0, sum(days))
    weights = [left] + [1.0] * case.days_left
    ahead = [means[case.history.day(len(days) + day).weekday()] for day in range(len(weights))]
    ends = sorted(
        sum(
            weight * max(0.0, mean + rng.choice(residuals))
            for weight, mean in zip(weights, ahead, strict=True)
        )
        for _ in range(paths)
    )
    return ends[paths // 10], median(ends), ends[-paths // 10]


METHODS: dict[str, Method] = {"forecast": product, "plain": plain}


def judge(case: Case, interval: Interval) -> Outcome:
    """The interval against what came."""
    low, expected, high = interval
    actual = case.rest_nanos
    recent = [day or 0 for day in case.history.days_nanos[-_RECENT:]]
    scale = fmean(recent) * (case.days_left + 1) or 1.0
    missed = max(0.0, low - actual, actual - high)
    return Outcome(
        held=low <= actual <= high,
        width=(high - low) / scale,
        error=abs(expected - actual) / scale,
        score=min(MOST_SCORE, (high - low + _PENALTY * missed) / scale),
    )


def outcomes(kind: str, cases: int, method: Method, seed: int = 1) -> list[Outcome]:
    """So many cases of the kind, the same for every method; fewer where there is too little."""
    rng = random.Random(f"{kind} {seed}")
    found = []
    for _ in range(cases):
        case = make_case(kind, rng)
        interval = method(case)
        if interval is not None:
            found.append(judge(case, interval))
    return found


def share_held(found: Sequence[Outcome]) -> float:
    """Coverage: how many of the ends were within their interval."""
    return fmean(each.held for each in found)


def _row(name: str, found: Sequence[Outcome]) -> str:
    width, error = (median(getattr(each, it) for each in found) for it in ("width", "error"))
    score = fmean(each.score for each in found)
    return f"| {name} | {share_held(found):.1%} | {width:.2f} | {error:.2f} | {score:.2f} |"


def _table(kinds: Iterable[str], cases: int, seed: int, method: Method) -> Iterable[str]:
    yield "| Kind | Held | Width | Error | Score |"
    yield "|---|--:|--:|--:|--:|"
    everything = []
    for kind in kinds:
        found = outcomes(kind, cases, method, seed)
        everything += found
        yield _row(kind, found)
    yield _row("**all**", everything)


def main() -> None:
    """Read the command line, forecast, print a table for each method."""
    parser = argparse.ArgumentParser(description="Count how often forecasts hold.")
    parser.add_argument("--cases", type=int, default=CASES, help="of each kind")
    parser.add_argument("--seed", type=int, default=1, help="another makes other series")
    parser.add_argument("--only", choices=METHODS, help="one of the methods")
    parser.add_argument("kinds", nargs="*", help=f"of {', '.join(KINDS)}; all if none is named")
    given = parser.parse_args()
    for name, method in METHODS.items():
        if given.only in (None, name):
            print(f"\n{name}, {given.cases} cases of each kind\n")
            for line in _table(given.kinds or KINDS, given.cases, given.seed, method):
                print(line, flush=True)


if __name__ == "__main__":
    main()

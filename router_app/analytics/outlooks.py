"""What budgets are likely to come to: the forecasts that pages and alerts ask for.

    outlook_of      one budget's
    outlooks_of     those of many, read together
    prospect_of     one budget's with its last forecasts and how they ended, for its own page

Reads only, and keeps nothing: the same rows and moment give the same outlook. Who may see a budget
is not asked here.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from router_app.analytics.basis import Basis, bases_of
from router_app.analytics.forecast import (
    Forecast,
    History,
    Study,
    TooLittle,
    Track,
    backtest,
    forecast,
    study,
)
from router_app.models import Budget

DAYS = 120  # that are looked back: of older ones forecasts hardly know more, and pages wait
TRACK_DAYS = 360  # half a year of periods, and what was known before the first of them
PACE_DAYS = 7


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a budget's running window is likely to cost, as if no limit were in the way.

    Amounts in nano-dollars. `found` has the same day by day, and what it rests on.
    """

    basis: Basis
    found: Forecast

    @property
    def last_day(self) -> date:
        """The window's last day, or the last one looked at where it has no end."""
        return self.found.end.day

    @property
    def expected_nanos(self) -> int:
        """What it costs by the end of the last day: as likely less as more."""
        return self.found.end.expected_nanos

    @property
    def low_nanos(self) -> int:
        """One in ten ends is lower."""
        return self.found.end.low_nanos

    @property
    def high_nanos(self) -> int:
        """One in ten ends is higher."""
        return self.found.end.high_nanos

    @property
    def limit_nanos(self) -> int:
        """The limit in force, top-ups included."""
        return self.basis.limit_nanos

    @property
    def spent_nanos(self) -> int:
        """What the window has cost until now, with what was billed above what had been held."""
        return self.basis.spent_nanos

    @property
    def has_run_out(self) -> bool:
        """Whether all of the limit is spent already."""
        return self.spent_nanos >= self.limit_nanos

    @property
    def pace_nanos(self) -> int:
        """What a day cost on average, of the last seven that are known."""
        known = [day for day in self.basis.history.days_nanos if day is not None][-PACE_DAYS:]
        return sum(known) // len(known)

    @property
    def runs_out_at(self) -> datetime | None:
        """When the limit is as likely reached as not, in the budget's zone; None: not by the last
        day. The day is the forecast's; within it spending is taken to be even."""
        day = self.found.run_out.on
        if day is None or self.has_run_out:
            return None if day is None else self.basis.now.astimezone(self.basis.zone)
        begins, ends = self.basis.span(day)
        before, number = self.spent_nanos, (day - self.found.path[0].day).days
        if number:
            before = self.found.path[number - 1].expected_nanos
        begins = max(begins, self.basis.now)
        day_nanos = self.found.path[number].expected_nanos - before
        share = (self.limit_nanos - before) / day_nanos if day_nanos > 0 else 0.5
        at = begins + min(max(share, 0.0), 0.999) * (ends - begins)
        return at.astimezone(self.basis.zone)


@dataclass(frozen=True, slots=True)
class Prospect:
    """A budget's outlook, if enough is known, and how forecasts of its past periods ended."""

    outlook: Outlook | TooLittle
    track: Track


def outlook_of(budget: Budget, now: datetime) -> Outlook | TooLittle:
    """What the budget's running window is likely to come to."""
    return outlooks_of([budget], now)[budget.pk]


def outlooks_of(budgets: Collection[Budget], now: datetime) -> dict[int, Outlook | TooLittle]:
    """The same of many, by budget id. Keys of budgets are read one by one unless loaded."""
    bases = bases_of(budgets, now, days=DAYS)
    studies: dict[History, Study | TooLittle] = {}
    found = {}
    for pk, basis in bases.items():
        if basis.history not in studies:
            studies[basis.history] = study(basis.history)
        found[pk] = _outlook(basis, studies[basis.history])
    return found


def prospect_of(budget: Budget, now: datetime) -> Prospect:
    """One budget's outlook, the same as above, and its track."""
    basis = bases_of([budget], now, days=TRACK_DAYS)[budget.pk]
    outlook = _outlook(basis, study(basis.history.latest(DAYS)))
    return Prospect(outlook, backtest(basis.history, period=basis.period))


def _outlook(basis: Basis, known: Study | TooLittle) -> Outlook | TooLittle:
    found = forecast(
        known,
        days_left=basis.days_left,
        spent_nanos=basis.spent_nanos,
        limit_nanos=basis.limit_nanos,
        today_nanos=basis.today_nanos,
        today_fraction=basis.today_fraction,
    )
    return found if isinstance(found, TooLittle) else Outlook(basis, found)

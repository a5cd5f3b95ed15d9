"""What is handed in: how much each day cost. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class History:
    """Whole local days, oldest first, of which the last is yesterday. Amounts in nano-dollars.

    A day that says nothing is None, such as one on which the budget had run out. `later_nanos` is
    how much of each day was spent after the present time of day; None where that is not known.
    Raises ValueError for negative amounts, and where the two do not fit together.
    """

    first_day: date
    days_nanos: Sequence[int | None]
    later_nanos: Sequence[int] | None = None

    def __post_init__(self) -> None:
        if any(day is not None and day < 0 for day in self.days_nanos):
            raise ValueError("what a day cost must be >= 0")
        if self.later_nanos is None:
            return
        if len(self.later_nanos) != len(self.days_nanos):
            raise ValueError("what was spent later must be known of every day or of none")
        for day, later in zip(self.days_nanos, self.later_nanos, strict=True):
            if not 0 <= later <= (later if day is None else day):
                raise ValueError("what was spent later is a part of its day")

    @property
    def today(self) -> date:
        return self.day(len(self.days_nanos))

    def day(self, number: int) -> date:
        """The date of a day by its place, from 0."""
        return self.first_day + timedelta(days=number)

    def number(self, day: date) -> int:
        """The place of a date; below 0 or beyond the end where history does not hold it."""
        return (day - self.first_day).days

    def before(self, number: int) -> "History":
        """What was known on the morning of that day."""
        later = None if self.later_nanos is None else self.later_nanos[:number]
        return History(self.first_day, self.days_nanos[:number], later)

    def latest(self, days: int) -> "History":
        """No more than the last so many days."""
        begins = max(0, len(self.days_nanos) - days)
        later = None if self.later_nanos is None else self.later_nanos[begins:]
        return History(self.day(begins), self.days_nanos[begins:], later)


@dataclass(frozen=True, slots=True)
class TooLittle:
    """Not enough is known for a forecast; how much is, since spending began."""

    days: int
    spending_days: int

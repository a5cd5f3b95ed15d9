"""What a forecast rests on, in numbers and in words for the page. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from router_app.analytics.forecast.levels import Follower, weights
from router_app.analytics.forecast.past import Past
from router_app.analytics.forecast.weekdays import WEEK

_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_STEADY = 0.01  # growth a week that is not worth a word
_NOTABLE = 0.25  # change of the level's error that is


@dataclass(frozen=True, slots=True)
class Grounds:
    """What was seen and found."""

    days: int  # since spending began, of those looked at
    weekday_shares: tuple[float, ...] | None  # of an average day, from Monday; None: no pattern
    growth_a_week: float  # 0.1 is 10 % more every week
    stretch: float  # of the level's uncertainty, because of how past forecasts did

    def sentences(self, *, list_weekdays: bool = True) -> tuple[str, ...]:
        """The same in words; the weekdays' shares may be shown beside them instead."""
        return (
            f"From {self.days} days of spending.",
            *self._weekdays(list_weekdays),
            self._growth(),
            *self._stretched(),
        )

    @property
    def weekdays(self) -> tuple[tuple[str, float], ...]:
        """Each weekday's name and its share of an average day; none where there is no pattern."""
        return tuple(zip(_NAMES, self.weekday_shares or (), strict=False))

    def _weekdays(self, listed: bool) -> tuple[str, ...]:
        if self.weekday_shares is None:
            return ("No weekday stands out.",)
        if not listed:
            return ()
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.weekdays)
        return (f"Set against an average day: {shares}.",)

    def _growth(self) -> str:
        if abs(self.growth_a_week) < _STEADY:
            return "Neither growing nor falling."
        verb = "Growing" if self.growth_a_week > 0 else "Falling"
        return f"{verb} by about {abs(self.growth_a_week):.0%} a week."

    def _stretched(self) -> tuple[str, ...]:
        if abs(self.stretch - 1) < _NOTABLE:
            return ()
        wider, more = ("wider", "more") if self.stretch > 1 else ("narrower", "less")
        return (
            f"The range is {wider}, for past forecasts would have missed by {more} than usual.",
        )


def grounds(past: Past, followers: Sequence[Follower], stretched: float) -> Grounds:
    """What a forecast from this past rests on."""
    morning = past.days
    counted = zip(weights(followers, morning), followers, strict=True)
    slope = sum(weight * follower.states[morning].slope for weight, follower in counted)
    return Grounds(
        days=sum(past.known),
        weekday_shares=past.pattern.shares if past.pattern.found else None,
        growth_a_week=math.expm1(slope * WEEK),
        stretch=stretched,
    )

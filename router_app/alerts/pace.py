"""How fast a limit is being spent, at the moment of an alert. Pure.

The straight line through what was spent so far: all that an alert needs, and true of any limit.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """`elapsed_percent`: of the period, None without an end. `runs_out_at`: at the same pace, None
    where that is not before the period's end, or where the money is gone."""

    elapsed_percent: int | None
    runs_out_at: datetime | None
    is_forecast: bool = False  # it knows more than the straight line


def pace_of(
    *,
    used_nanos: int,
    limit_nanos: int,
    begun_at: datetime,
    starts_at: datetime,
    ends_at: datetime | None,
    now: datetime,
) -> Pace:
    """The pace since `begun_at`: the window's start, or when the limit was set if that is later."""
    elapsed = None
    if ends_at is not None:
        elapsed = min(100, max(0, int(100 * (now - starts_at) / (ends_at - starts_at))))
    if used_nanos <= 0 or used_nanos >= limit_nanos:
        return Pace(elapsed, None)
    try:
        runs_out_at = begun_at + (now - begun_at) * (limit_nanos / used_nanos)
    except OverflowError:  # in more years than there are
        return Pace(elapsed, None)
    if ends_at is not None and runs_out_at >= ends_at:
        return Pace(elapsed, None)
    return Pace(elapsed, runs_out_at)

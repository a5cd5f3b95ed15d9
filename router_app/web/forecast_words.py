"""Forecasts in words: the line under a gauge, and days as people say them."""

from datetime import date

from router_app.analytics.forecast import RunOut, TooLittle, Track
from router_app.analytics.outlooks import Outlook
from router_app.models import Period
from router_app.money import format_usd

ELSEWHERE = "Its forecast has a page of its own."
TOO_LITTLE = "Too little data yet for a forecast."
_HARDLY = 0.01
_PERIODS = {
    Period.DAY: "days",
    Period.WEEK: "weeks",
    Period.MONTH: "months",
    Period.TOTAL: "stretches of 30 days",
}


def line_of(found: Outlook | TooLittle) -> str:
    """A budget's outlook in one sentence."""
    if isinstance(found, TooLittle):
        return TOO_LITTLE
    if found.has_run_out:
        return "Nothing of it is left."
    day = found.found.run_out.on
    if day is not None:
        return f"Likely runs out {about(day, found.basis.history.today)}."
    between = f"80 % between {format_usd(found.low_nanos)} and {format_usd(found.high_nanos)}"
    return f"Likely {format_usd(found.expected_nanos)} {by(found)}, {between}."


def by(found: Outlook) -> str:
    """Until when a forecast looks: "by 30 November"."""
    today = found.basis.history.today
    if found.last_day == today:
        return "by the end of today"
    if found.basis.period == Period.WEEK:
        return f"by {long_day(found.last_day, today)}"
    return f"by {day_of(found.last_day, today)}"


def about(day: date, today: date) -> str:
    """About which day: "about Thursday 26 November"."""
    return {0: "today", 1: "tomorrow"}.get((day - today).days, f"about {long_day(day, today)}")


def long_day(day: date, today: date) -> str:
    """With its weekday: "Thursday 26 November"."""
    return f"{day:%A} {day_of(day, today)}"


def day_of(day: date, today: date) -> str:
    """ "26 November", with the year where it is another one."""
    return f"{day.day} {day:%B}" + (f" {day.year}" if day.year != today.year else "")


def runs_out(found: Outlook) -> str:
    """When the limit is reached, as a headline."""
    if found.has_run_out:
        return "It has already"
    run_out, today = found.found.run_out, found.basis.history.today
    if run_out.on is None:
        return "Not before it resets" if found.basis.days_left is not None else "Not in sight"
    words = about(run_out.on, today).removeprefix("about ")
    return words[0].upper() + words[1:]


def how_surely(run_out: RunOut, today: date) -> str:
    """How sure that is: the days between which it is reached, or the chance that it is at all."""
    if run_out.chance < _HARDLY:
        return "less than 1 % chance that it does"
    if run_out.on is None or run_out.early is None:
        return f"{round(100 * run_out.chance)} % chance that it does"
    early = day_of(run_out.early, today)
    if run_out.late is None:
        return f"80 % from {early} on, perhaps not at all"
    if run_out.early == run_out.late:
        return "hardly any doubt about the day"
    return f"80 % between {early} and {day_of(run_out.late, today)}"


def record_of(track: Track, period: str) -> str:
    """How good the last forecasts were, in one sentence."""
    if not track.made:
        return "None of the periods before is known well enough to try a forecast on it."
    if track.made == 1:
        where = "within" if track.held else "outside"
        return f"The period before ended {where} the range that would have been forecast then."
    ended = f"{track.held} of the last {track.made} {_PERIODS[Period(period)]}"
    return f"{ended} ended within the range that would have been forecast at the same point."

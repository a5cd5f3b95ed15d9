"""A forecast drawn: spent so far, the likely course, its range and the limit. Geometry only.

Everything is in thousandths of the drawing's width and height, from its upper left corner, so the
template needs no arithmetic and the drawing stretches with the page.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from router_app.analytics.outlooks import Outlook

_SIDE = 1_000
_MOST_DAYS_BACK = 90  # where a window has begun long ago
_HEADROOM = 1.08
_FAR_LIMIT = 2.5  # times what is drawn; a limit above that would press the course to the ground
_MOST_LINES = 4
_NICE_STEPS = (1, 2, 5)

Point = tuple[float, int]  # days since the first one, nano-dollars


@dataclass(frozen=True, slots=True)
class Mark:
    """A horizontal line and what it stands for."""

    y: float
    nanos: int

    @property
    def percent(self) -> str:
        """The same for text, which does not stretch."""
        return f"{self.y / 10:.1f}%"


@dataclass(frozen=True, slots=True)
class Row:
    """One day of the table beneath; amounts in nano-dollars by the end of the day."""

    day: date
    spent_nanos: int | None  # None: a day to come
    expected_nanos: int | None
    low_nanos: int | None
    high_nanos: int | None


@dataclass(frozen=True, slots=True)
class Chart:
    """Paths as the points of SVG shapes."""

    spent: str
    expected: str
    band: str
    lines: tuple[Mark, ...]
    limit: Mark | None  # None: so far above that it is not drawn
    now_x: float
    first_day: date
    last_day: date
    rows: tuple[Row, ...]

    @property
    def now_percent(self) -> str:
        """Where now is, for text."""
        return f"{self.now_x / 10:.1f}%"

    @property
    def is_late(self) -> bool:
        """Whether now is in the second half, where text goes to the left."""
        return self.now_x > _SIDE / 2


def chart_of(outlook: Outlook) -> Chart:
    """The window from its first day to its last."""
    behind = _behind(outlook)
    path = outlook.found.path
    now = (len(behind) - 1 + outlook.basis.today_fraction, outlook.spent_nanos)
    ahead = [(len(behind) + number, band) for number, band in enumerate(path)]
    top = max(1, outlook.high_nanos, outlook.spent_nanos)
    limit = outlook.limit_nanos
    if limit <= _FAR_LIMIT * top:
        top = max(top, limit)
    frame = _Frame(days=len(behind) - 1 + len(path), top_nanos=top * _HEADROOM)
    upper = [now, *((day, band.high_nanos) for day, band in ahead)]
    lower = [now, *((day, band.low_nanos) for day, band in ahead)]
    return Chart(
        spent=frame.points([*enumerate(behind), now]),
        expected=frame.points([now, *((day, band.expected_nanos) for day, band in ahead)]),
        band=frame.points([*upper, *reversed(lower)]),
        lines=tuple(Mark(frame.y(nanos), nanos) for nanos in _round_amounts(frame.top_nanos)),
        limit=Mark(frame.y(limit), limit) if limit <= frame.top_nanos else None,
        now_x=frame.x(now[0]),
        first_day=path[0].day - timedelta(days=len(behind) - 1),
        last_day=outlook.last_day,
        rows=_rows(outlook, behind),
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    days: int
    top_nanos: float

    def x(self, days: float) -> float:
        return round(days * _SIDE / self.days, 1)

    def y(self, nanos: int) -> float:
        return round(_SIDE - nanos * _SIDE / self.top_nanos, 1)

    def points(self, points: Iterable[Point]) -> str:
        return " ".join(f"{self.x(days)},{self.y(nanos)}" for days, nanos in points)


def _behind(outlook: Outlook) -> Sequence[int]:
    """What the window had cost on each midnight from its first to today's, reckoned back from now:
    its first days may be from before there was the budget, and so count for nothing."""
    basis = outlook.basis
    history, starts_at = basis.history, basis.window.starts_at
    first = starts_at.astimezone(basis.zone).date() if starts_at else history.today
    days = min((history.today - first).days, _MOST_DAYS_BACK, len(basis.spent_by_day))
    spent = [max(0, outlook.spent_nanos - basis.today_nanos)]
    for nanos in reversed(basis.spent_by_day[len(basis.spent_by_day) - days :]):
        spent.append(max(0, spent[-1] - nanos))
    return spent[::-1]


def _round_amounts(top_nanos: float) -> Iterable[int]:
    """A few round amounts from nothing up."""
    step, number = 1, 0
    while top_nanos / step > _MOST_LINES:
        number += 1
        step = _NICE_STEPS[number % 3] * 10 ** (number // 3)
    return range(0, int(top_nanos) + 1, step)


def _rows(outlook: Outlook, behind: Sequence[int]) -> tuple[Row, ...]:
    first = outlook.basis.history.today - timedelta(days=len(behind) - 1)
    past = [
        Row(first + timedelta(number), spent, None, None, None)
        for number, spent in enumerate(behind[1:])
    ]
    ahead = [
        Row(band.day, None, band.expected_nanos, band.low_nanos, band.high_nanos)
        for band in outlook.found.path
    ]
    return (*past, *ahead)

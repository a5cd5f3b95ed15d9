"""The arithmetic of a budget's bar: three lengths that never blend into one number."""

from dataclasses import dataclass
from typing import Protocol

SMALLEST_VISIBLE = 0.8  # percent: what was spent or is held is seen, however little it is


class Window(Protocol):
    """What a gauge shows: a budget's window, amounts in nano-dollars; no limit is None."""

    name: str
    spent_nanos: int
    reserved_nanos: int
    free_nanos: int | None
    limit_nanos: int | None


@dataclass(frozen=True, slots=True)
class Bar:
    """Lengths in percent of the bar; `free_from` is where the quiet part begins."""

    spent: float
    held: float

    @property
    def free_from(self) -> float:
        return round(self.spent + self.held, 2)

    @property
    def free(self) -> float:
        return round(100 - self.free_from, 2)


def bar_of(window: Window) -> Bar:
    """Cut the bar into spent, held and free. Without a limit the bar is all free."""
    limit = window.limit_nanos
    if limit is None:
        return Bar(0.0, 0.0)
    held = _share(window.reserved_nanos, limit, room=100.0)
    spent = _share(window.spent_nanos, limit, room=100.0 - held)
    return Bar(spent, held)


def _share(part_nanos: int, limit_nanos: int, *, room: float) -> float:
    if part_nanos <= 0 or room <= 0:
        return 0.0
    exact = part_nanos * 100 / limit_nanos if limit_nanos > 0 else 100.0
    return round(min(max(exact, SMALLEST_VISIBLE), room), 2)

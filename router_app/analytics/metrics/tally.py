"""Counters and histograms in memory, one cell of plain numbers for each set of label values.

A counter's cell is `[value]`; a histogram's is `[bucket, …, bucket above all, sum]`, each bucket
counting only what fell into it. Whoever adds to a cell holds `lock`, so that a snapshot is never
torn and no addition of another thread is lost.
"""

import threading
from bisect import bisect_left
from dataclasses import dataclass, field

Number = int | float
Cell = list[Number]
Labels = tuple[str, ...]
Snapshot = dict[str, list[tuple[Labels, Cell]]]  # by the family's name

# Far above what a catalogue and its errors make; a guard, should a label ever be fed by a stranger.
MOST_CELLS = 2_000
OTHER = "_other"

lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. `bounds` None: a counter; `scale` is what a counted unit is worth when shown."""

    name: str
    help: str
    labels: Labels = ()
    bounds: tuple[float, ...] | None = None
    scale: float = 1.0
    cells: dict[Labels, Cell] = field(default_factory=dict, repr=False)

    def cell(self, *values: str) -> Cell:
        """The numbers for these label values, made when first asked for. Hold `lock`."""
        found = self.cells.get(values)
        if found is None:
            if len(self.cells) >= MOST_CELLS:
                values = (OTHER,) * len(self.labels)
            found = self.cells.setdefault(values, self._empty())
        return found

    def _empty(self) -> Cell:
        return [0] if self.bounds is None else [0] * (len(self.bounds) + 2)


def observe(cell: Cell, bounds: tuple[float, ...], value: float) -> None:
    """Add a value to a histogram's cell. Hold `lock`."""
    cell[bisect_left(bounds, value)] += 1
    cell[-1] += value

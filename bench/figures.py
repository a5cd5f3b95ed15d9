"""Percentiles and medians, the same everywhere."""

import math
from collections.abc import Iterable, Sequence
from statistics import median


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest rank of values in ascending order: a value that was measured, never a mean of
    two. Raises ValueError where nothing was measured."""
    if not ordered:
        raise ValueError("nothing was measured")
    rank = math.ceil(percent / 100 * len(ordered))
    return ordered[max(rank, 1) - 1]


def spread(values: Iterable[float], scale: float = 1.0) -> dict[str, float]:
    """p50, p95, p99 of the values, each times `scale`; empty where nothing was measured."""
    ordered = sorted(values)
    if not ordered:
        return {}
    return {f"p{p}": round(percentile(ordered, p) * scale, 4) for p in (50, 95, 99)}


def middle(values: Iterable[float | None]) -> float | None:
    """The median of what was measured, None where nothing was."""
    measured = [value for value in values if value is not None]
    return median(measured) if measured else None

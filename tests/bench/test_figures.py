"""Percentiles, medians, ratios: arithmetic that a published table rests on."""

from typing import Any

import pytest

from bench.figures import middle, percentile, spread
from bench.tables import Summary, render

TITLES = {"direct": "no router", "router": "ours", "litellm": "LiteLLM"}


def record(product: str, number: int, per_second: float, **more: Any) -> dict[str, Any]:
    figures = {"per_second": per_second, "answered": 100, "errors": 0, "latency_ms": {"p50": 1.0}}
    return {"product": product, "round": number, "work": "burst", **figures, **more}


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(1, 101)]

    assert [percentile(values, p) for p in (0, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert percentile([7.0], 99) == 7.0
    with pytest.raises(ValueError):
        percentile([], 50)


def test_a_spread_is_sorted_and_scaled() -> None:
    assert spread([0.003, 0.001, 0.002], 1000) == {"p50": 2.0, "p95": 3.0, "p99": 3.0}
    assert spread([]) == {}


def test_what_was_not_measured_is_left_out_of_a_median() -> None:
    assert middle([3.0, None, 1.0]) == 2.0
    assert middle([None]) is None


def test_a_figure_is_the_median_of_its_rounds() -> None:
    summary = Summary([record("router", n, value) for n, value in enumerate((10, 90, 20))])

    assert summary.value("router", "burst", "per_second") == 20


def test_what_is_added_is_compared_within_a_round() -> None:
    records = [
        record("direct", 1, 0, latency_ms={"p50": 50.0}),
        record("router", 1, 0, latency_ms={"p50": 52.0}),
        record("direct", 2, 0, latency_ms={"p50": 70.0}),  # a slow minute hits both
        record("router", 2, 0, latency_ms={"p50": 72.0}),
    ]

    assert Summary(records).added("router", "burst", "latency_ms", "p50") == 2.0
    assert Summary(records).added("direct", "burst", "latency_ms", "p50") is None


def test_a_system_that_answers_wrongly_has_no_figure_and_is_named() -> None:
    broken = record("litellm", 1, 500, answered=10, errors=3, error_samples=["status 500"])
    text = render([record("router", 1, 40), broken], TITLES, ["LiteLLM: 1.0"])

    assert "| 64 in flight, upstream 0 ms: requests/s | 40 | – |" in text
    assert "litellm, burst: 3 errors: ['status 500'] (round 1)" in text
    assert "- LiteLLM: 1.0" in text


def test_ratios_are_of_medians() -> None:
    text = render([record("router", 1, 80), record("litellm", 1, 4)], TITLES, [])

    assert "| 64 in flight, upstream 0 ms | 20.00 | – | – | – |" in text

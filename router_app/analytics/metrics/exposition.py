"""The numbers as Prometheus reads them: its text format, or OpenMetrics for those who ask."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from router_app.analytics.metrics.families import FAMILIES, Gauge
from router_app.analytics.metrics.tally import Cell, Family, Labels, Snapshot

OPENMETRICS = "application/openmetrics-text"
OPENMETRICS_TYPE = f"{OPENMETRICS}; version=1.0.0; charset=utf-8"


def text(
    counted: Snapshot, gauges: Iterable[Gauge], *, accept: str = "", with_process: bool = False
) -> tuple[bytes, str]:
    """Everything as text, and its content type; `accept` is the request's header.

    `with_process` adds memory, CPU time and open files of the process that answers.
    """
    registry = CollectorRegistry()
    registry.register(_Numbers(counted, list(gauges)))
    if with_process:
        ProcessCollector(registry=registry)
    if OPENMETRICS in accept:
        encoded = openmetrics.generate_latest(registry, version="1.0.0")  # type: ignore[no-untyped-call]
        return encoded, OPENMETRICS_TYPE
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


class _Numbers(Collector):
    def __init__(self, counted: Snapshot, gauges: list[Gauge]) -> None:
        self._counted = counted
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        for family in FAMILIES:
            yield _metric(family, self._counted.get(family.name, []))
        for gauge in self._gauges:
            yield _gauge(gauge)


def _metric(family: Family, cells: Iterable[tuple[Labels, Cell]]) -> Metric:
    if family.bounds is None:
        counter = CounterMetricFamily(family.name, family.help, labels=family.labels)
        for labels, (value,) in cells:
            counter.add_metric(labels, value * family.scale)
        return counter
    histogram = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    for labels, (*buckets, total) in cells:
        histogram.add_metric(labels, _cumulative(family.bounds, buckets), total)
    return histogram


def _cumulative(bounds: Iterable[float], buckets: Iterable[float]) -> list[tuple[str, float]]:
    """Prometheus' buckets hold everything up to their bound."""
    below = 0.0
    named = []
    for bound, number in zip([*map(str, map(float, bounds)), "+Inf"], buckets, strict=True):
        below += number
        named.append((bound, below))
    return named


def _gauge(gauge: Gauge) -> Metric:
    metric = GaugeMetricFamily(gauge.name, gauge.help, labels=[gauge.label] if gauge.label else [])
    for label, value in gauge.values.items():
        metric.add_metric([label] if gauge.label else [], value)
    return metric

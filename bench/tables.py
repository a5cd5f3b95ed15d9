"""Records of all rounds → the tables that are printed, in Markdown. Figures are medians."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.figures import middle

Record = Mapping[str, Any]
DIRECT = "direct"
OURS = "router"
MOST_ERRORS = 0.01  # of the right answers; with more a figure is none
RIVALS = ("litellm", "portkey")


@dataclass(frozen=True, slots=True)
class Summary:
    """What was measured, by product."""

    records: Sequence[Record]

    def products(self) -> list[str]:
        """Those with any figures, in the order in which they were measured."""
        return list(dict.fromkeys(str(record["product"]) for record in self.records))

    def value(self, product: str, work: str, *path: str) -> float | None:
        """The median over the rounds; None where it was not measured."""
        found = [
            _inside(record, path)
            for record in self.records
            if record["product"] == product and record["work"] == work
        ]
        return middle(found)

    def added(self, product: str, work: str, *path: str) -> float | None:
        """How much more than without a router, round by round."""
        without = {
            record["round"]: _inside(record, path)
            for record in self.records
            if record["product"] == DIRECT and record["work"] == work
        }
        differences = []
        for record in self.records:
            if record["product"] == product and record["work"] == work:
                own, base = _inside(record, path), without.get(record["round"])
                differences.append(None if own is None or base is None else own - base)
        return None if product == DIRECT else middle(differences)

    def failures(self) -> list[str]:
        """What could not be measured and what was answered wrongly, a line each."""
        rounds: dict[str, list[str]] = {}
        for record in self.records:
            if said := _failure(record):
                where = f"{record['product']}, {record['work']}: {said}"
                rounds.setdefault(where, []).append(str(record["round"]))
        return [f"{where} (round {', '.join(numbers)})" for where, numbers in rounds.items()]


def _failure(record: Record) -> str:
    if "failed" in record:
        return str(record["failed"])
    if record.get("errors"):
        return f"{record['errors']} errors: {record['error_samples']}"
    return ""


Line = tuple[str, Callable[[Summary, str], float | None], int]

LINES: tuple[Line, ...] = (
    ("64 in flight, upstream 0 ms: requests/s", lambda s, p: s.value(p, "burst", "per_second"), 0),
    ("  CPU a request, ms", lambda s, p: s.value(p, "burst", "cpu_ms"), 2),
    ("  p50, ms", lambda s, p: s.value(p, "burst", "latency_ms", "p50"), 1),
    ("  p99, ms", lambda s, p: s.value(p, "burst", "latency_ms", "p99"), 1),
    (
        "64 in flight, upstream 50 ms: requests/s",
        lambda s, p: s.value(p, "steady", "per_second"),
        0,
    ),
    ("  added p50, ms", lambda s, p: s.added(p, "steady", "latency_ms", "p50"), 1),
    ("  added p99, ms", lambda s, p: s.added(p, "steady", "latency_ms", "p99"), 1),
    ("  CPU a request, ms", lambda s, p: s.value(p, "steady", "cpu_ms"), 2),
    ("1 in flight: added p50, ms", lambda s, p: s.added(p, "alone", "latency_ms", "p50"), 2),
    ("  added p99, ms", lambda s, p: s.added(p, "alone", "latency_ms", "p99"), 2),
    ("16 streams of 20 chunks: streams/s", lambda s, p: s.value(p, "streams", "per_second"), 0),
    ("  CPU a stream, ms", lambda s, p: s.value(p, "streams", "cpu_ms"), 2),
    (
        "16 paced streams: added to first token p50, ms",
        lambda s, p: s.added(p, "paced", "first_word_ms", "p50"),
        1,
    ),
    ("  … p99, ms", lambda s, p: s.added(p, "paced", "first_word_ms", "p99"), 1),
    ("  added between chunks p50, ms", lambda s, p: s.added(p, "paced", "gap_ms", "p50"), 1),
    ("  … p99, ms", lambda s, p: s.added(p, "paced", "gap_ms", "p99"), 1),
    ("Start to first answer, s", lambda s, p: s.value(p, "start", "start_seconds"), 2),
    ("Memory idle (RSS of all processes), MiB", lambda s, p: s.value(p, "start", "rss_mib"), 0),
    ("  shared pages counted once (PSS), MiB", lambda s, p: s.value(p, "start", "pss_mib"), 0),
)
RATIOS = (
    ("64 in flight, upstream 0 ms", "burst"),
    ("64 in flight, upstream 50 ms", "steady"),
    ("16 streams of 20 chunks", "streams"),
)


def render(records: Sequence[Record], titles: Mapping[str, str], notes: Iterable[str]) -> str:
    """All tables and notes."""
    summary = Summary(records)
    shown = [name for name in titles if name in summary.products()]
    parts = [_table(["", *(titles[name] for name in shown)], _rows(summary, shown))]
    parts += [_table(["Ratio of requests/s", *_ratio_heads(titles)], _ratios(summary))]
    if shortfalls := [*notes, *summary.failures()]:
        parts.append("\n".join(f"- {line}" for line in shortfalls))
    return "\n\n".join(parts)


def _rows(summary: Summary, products: Sequence[str]) -> list[list[str]]:
    rows = []
    for title, value, decimals in LINES:
        cells = [_number(value(summary, product), decimals) for product in products]
        if any(cell != "–" for cell in cells):
            rows.append([title.replace("  ", "· ", 1), *cells])
    return rows


def _ratio_heads(titles: Mapping[str, str]) -> list[str]:
    heads = [f"to {titles.get(name, name)}" for name in (*RIVALS, DIRECT)]
    return [*heads, "PostgreSQL to SQLite"]


def _ratios(summary: Summary) -> list[list[str]]:
    rows = []
    for title, work in RATIOS:
        ours = summary.value(OURS, work, "per_second")
        others = [summary.value(name, work, "per_second") for name in (*RIVALS, DIRECT)]
        postgres = summary.value("postgres", work, "per_second")
        cells = [_number(_divided(ours, other), 2) for other in others]
        rows.append([title, *cells, _number(_divided(postgres, ours), 2)])
    return rows


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    align = ["---", *("--:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, align, *rows))


def _divided(value: float | None, by: float | None) -> float | None:
    return value / by if value is not None and by else None


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:,.{decimals}f}"


def _inside(record: Record, path: Sequence[str]) -> float | None:
    """A figure; None where it was not measured, or where too many answers were wrong."""
    if record.get("errors", 0) > MOST_ERRORS * record.get("answered", 0):
        return None
    found: Any = record
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return None if found is None else float(found)

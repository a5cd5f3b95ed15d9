"""Measure everything, side by side, and print it as tables: `make bench`.

    python -m bench.run                      three rounds of all systems: about fifteen minutes
    python -m bench.run --only router --quick

The systems take turns in every round, one at a time, so that a slow minute of the machine hits all
alike; figures are medians over the rounds.
"""

import argparse
import json
import shutil
import signal
import sys
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.measure import LoadFailed, Upstream, measure
from bench.processes import DidNotStart
from bench.products.base import WORKPLACE, Absent, Product, Server, Surroundings
from bench.products.catalogue import PRODUCTS, USUALLY
from bench.tables import render
from bench.works import QUICK_SECONDS, QUICK_WARMUP, WORKS, Work

IDLE_SECONDS = 2.0  # after the first answer, before memory is looked at


class Bench:
    """One run; what was measured so far is in `records`."""

    def __init__(self, folder: Path, works: list[Work], *, pin: bool, pause: float) -> None:
        self.records: list[dict[str, Any]] = []
        self._folder = folder
        self._works = works
        self._pause = pause
        # With --pin the server has a core to itself, and what measures it has another.
        self._server_cores: Collection[int] | None = {0} if pin else None
        self._other_cores: Collection[int] | None = {1} if pin else None
        self._upstream = Upstream(folder, self._other_cores)

    def round(self, number: int, products: list[Product]) -> None:
        """Start, measure and end each of them."""
        for product in products:
            _tell(f"round {number}: {product.title}")
            place = Surroundings(
                self._upstream.url, self._new_folder(product, number), self._server_cores
            )
            self._upstream.behave("delay_ms=0&chunk_delay_ms=0")
            try:
                server = product.start(place)
            except (Absent, DidNotStart) as failure:
                self._note(product, number, "start", {"failed": str(failure)})
                continue
            try:
                self._measure(product, server, number)
            finally:
                server.stop()
                shutil.rmtree(place.folder, ignore_errors=True)

    def stop(self) -> None:
        """End what serves all rounds."""
        self._upstream.stop()

    def _measure(self, product: Product, server: Server, number: int) -> None:
        if server.service is not None:
            time.sleep(IDLE_SECONDS)
            memory = server.service.memory()
            started = {"start_seconds": server.start_seconds, "rss_mib": memory.rss}
            self._note(product, number, "start", {**started, "pss_mib": memory.pss})
        for work in self._works:
            time.sleep(self._pause)
            try:
                figures = measure(server, work, self._upstream, self._other_cores)
            except (Absent, LoadFailed) as failure:
                figures = {"failed": str(failure)}
            self._note(product, number, work.name, figures)

    def _note(self, product: Product, number: int, work: str, figures: dict[str, Any]) -> None:
        self.records.append({"product": product.name, "round": number, "work": work, **figures})
        _tell(f"    {work:8} {_in_short(figures)}")

    def _new_folder(self, product: Product, number: int) -> Path:
        folder = self._folder / f"{product.name}-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def _in_short(figures: dict[str, Any]) -> str:
    if "failed" in figures:
        return f"failed: {figures['failed']}"
    if "start_seconds" in figures:
        return f"{figures['start_seconds']:.2f} s to the first answer, {figures['rss_mib']:.0f} MiB"
    words = [f"{figures['per_second']:.0f}/s"]
    words += [f"{name} {value} ms" for name, value in figures["latency_ms"].items()]
    words += [f"CPU {figures['cpu_ms']} ms"] if "cpu_ms" in figures else []
    words += [f"{figures['errors']} ERRORS {figures['error_samples']}"] * bool(figures["errors"])
    return ", ".join(words)


def _installed(names: list[str]) -> tuple[list[Product], list[str]]:
    """The products that can be measured; of each a line with its version, or why not."""
    usable, notes = [], []
    for name in names:
        product = PRODUCTS[name]
        _tell(f"preparing {product.title}")
        try:
            if version := product.install():
                notes.append(f"{product.title}: {version}")
            usable.append(product)
        except Absent as reason:
            notes.append(f"{product.title} was not measured: {reason}")
            _tell(f"    {reason}")
    return usable, notes


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _works(given: argparse.Namespace) -> list[Work]:
    works = [work for work in WORKS if not given.works or work.name in given.works]
    if given.quick:
        works = [replace(work, seconds=QUICK_SECONDS, warmup=QUICK_WARMUP) for work in works]
    if given.seconds:
        works = [replace(work, seconds=given.seconds) for work in works]
    return works


def _interrupted(*_signal: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Read the command line, measure, print, and leave nothing running."""
    parser = argparse.ArgumentParser(description="Measure this router beside others.")
    parser.add_argument("--only", nargs="+", choices=PRODUCTS, default=USUALLY)
    parser.add_argument("--works", nargs="+", choices=[work.name for work in WORKS])
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of each work")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--pin", action="store_true", help="a core for the server alone")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds before each work")
    parser.add_argument("--json", type=Path, help="write every figure here")
    given = parser.parse_args()
    for stopping in (signal.SIGTERM, signal.SIGINT):  # a shell may have told us to ignore Ctrl-C
        signal.signal(stopping, _interrupted)
    rounds = given.rounds or (1 if given.quick else 3)
    products, notes = _installed(given.only)
    folder = WORKPLACE / str(int(time.time()))
    folder.mkdir(parents=True)
    bench = Bench(folder, _works(given), pin=given.pin, pause=given.pause)
    try:
        for number in range(1, rounds + 1):
            bench.round(number, products)
    except KeyboardInterrupt:
        _tell("stopped; what was measured:")
    finally:
        bench.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        given.json.write_text(json.dumps({"notes": notes, "records": bench.records}, indent=1))
    titles = {name: product.title for name, product in PRODUCTS.items()}
    print(render(bench.records, titles, notes))


if __name__ == "__main__":
    main()

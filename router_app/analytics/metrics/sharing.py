"""Several workers on one machine: each keeps its numbers in a file, whoever is asked adds them up.

A worker writes its file once a second, and also before it answers from the files, so that no later
answer of a sibling can say less than an earlier one. Files are replaced whole: a reader never sees
half of one. When a worker has ended its counters go on counting and its gauges are taken out. What
a killed worker counted in its last second is lost.
"""

import contextlib
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router_app.analytics.metrics import recording
from router_app.analytics.metrics.tally import Cell, Labels, Snapshot

PUBLISH_SECONDS = 1.0

Gauges = Mapping[str, float]  # what a process says of itself, by name
Part = tuple[Mapping[str, Any], Gauges]  # what one process counted, and its gauges


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything counted so far, and the gauges of the processes that run, added up."""

    counted: Snapshot
    gauges: Gauges


class Place:
    """This worker's file in the folder, and the thread that keeps it up to date."""

    def __init__(self, folder: Path, gauges: Callable[[], Gauges]) -> None:
        self._folder = folder
        self._gauges = gauges
        # A process id comes again; the numbers of its first owner must stay.
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.json"
        self._written = b""
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep_up, name="metrics", daemon=True)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def stop(self) -> None:
        """Publish for the last time."""
        self._ending.set()
        self._thread.join()

    def publish(self) -> Part:
        """Write the numbers down, if they changed; returns them."""
        with self._lock:
            part = (recording.snapshot(), dict(self._gauges()))
            text = json.dumps(part).encode()
            if text != self._written:
                with contextlib.suppress(OSError):  # a full disk: siblings see older numbers
                    _replace(self._path, text)
                    self._written = text
            return part

    def all(self) -> Numbers:
        """The numbers of this process and its siblings, those that ended included."""
        own = self.publish()
        siblings = [path for path in self._folder.glob("*.json") if path != self._path]
        return added_up([own, *map(_read, siblings)])

    def _keep_up(self) -> None:
        while not self._ending.wait(PUBLISH_SECONDS):
            self.publish()
        self.publish()


def worker_ended(folder: Path, pid: int) -> None:
    """In the parent: a worker is gone, and nothing waits in it any more."""
    for path in folder.glob(f"{pid}-*.json"):
        counted, _ = json.loads(path.read_bytes())
        _replace(path, json.dumps([counted, {}]).encode())


def added_up(parts: Iterable[Part]) -> Numbers:
    """The sum of what several processes counted."""
    counted: dict[str, dict[Labels, Cell]] = {}
    gauges: dict[str, float] = {}
    for snapshot, own in parts:
        for name, cells in snapshot.items():
            sums = counted.setdefault(name, {})
            for labels, cell in cells:
                known = sums.get(tuple(labels))
                added = cell if known is None else [a + b for a, b in zip(known, cell, strict=True)]
                sums[tuple(labels)] = added
        for name, value in own.items():
            gauges[name] = gauges.get(name, 0.0) + value
    return Numbers({name: list(sums.items()) for name, sums in counted.items()}, gauges)


def _read(path: Path) -> Part:
    counted, gauges = json.loads(path.read_bytes())
    return counted, gauges


def _replace(path: Path, text: bytes) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_bytes(text)
    temporary.replace(path)


_place: Place | None = None


def start(folder: Path, gauges: Callable[[], Gauges]) -> None:
    """Share this process's numbers with whoever else uses the folder.

    `gauges` says how this process is doing at this moment; those of siblings are added up.
    """
    global _place
    _place = Place(folder, gauges)
    _place.start()


def stop() -> None:
    """This process ends: publish what was counted last."""
    global _place
    place, _place = _place, None
    if place is not None:
        place.stop()


def is_shared() -> bool:
    """Whether this process has siblings."""
    return _place is not None


def numbers(gauges: Callable[[], Gauges]) -> Numbers:
    """What this process counted and how it is doing, and its siblings where it shares."""
    if _place is not None:
        return _place.all()
    return added_up([(recording.snapshot(), gauges())])

"""One work on one server: the load generator beside it, and what it cost in CPU and memory."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.processes import Service, run
from bench.products.base import ROOT, Server, free_port, neutral_environment
from bench.works import Work


class LoadFailed(Exception):
    """The load generator gave up; says why."""


class Upstream:
    """The fake provider in a process of its own, shared by all that are measured."""

    def __init__(self, folder: Path, cores: Collection[int] | None = None) -> None:
        self.port = free_port()
        self.service = Service(
            [sys.executable, "-m", "bench.upstream", "--port", str(self.port)],
            env=neutral_environment(),
            log=folder / "upstream.log",
            cwd=ROOT,
            cores=cores,
        )
        self.service.wait_until(self._listens, 10)

    @property
    def url(self) -> str:
        """Ends before /chat/completions."""
        return f"http://127.0.0.1:{self.port}/v1"

    def behave(self, query: str) -> None:
        """Change what it waits."""
        self._ask("POST", f"/behaviour?{query}")

    def stop(self) -> None:
        """End it."""
        self.service.stop()

    def _listens(self) -> bool:
        try:
            return self._ask("GET", "/behaviour") == 200
        except OSError:
            return False

    def _ask(self, method: str, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path)
            return connection.getresponse().status
        finally:
            connection.close()


def measure(
    server: Server, work: Work, upstream: Upstream, cores: Collection[int] | None = None
) -> dict[str, Any]:
    """The load generator's figures, with the CPU of the server. Raises Absent, LoadFailed."""
    command = server.command(work)
    upstream.behave(work.behaviour)
    used = []
    with _running(command, cores) as process:
        assert process.stdout is not None
        figures: dict[str, Any] = {}
        for line in process.stdout:
            if not line.startswith("{"):
                continue  # a library's own words
            used.append((_cpu(server.service), upstream.service.cpu_seconds()))
            figures = json.loads(line)
    if process.returncode or "answered" not in figures:
        reason = figures.get("failed", f"the load generator ended with {process.returncode}")
        raise LoadFailed(str(reason))
    (server_before, upstream_before), (server_after, upstream_after) = used[0], used[-1]
    answered = max(figures["answered"], 1)
    figures["upstream_cpu_ms"] = round((upstream_after - upstream_before) * 1000 / answered, 4)
    if server.service is not None:
        figures["cpu_ms"] = round((server_after - server_before) * 1000 / answered, 4)
    return figures


def _cpu(service: Service | None) -> float:
    return service.cpu_seconds() if service else 0.0


@contextmanager
def _running(
    command: list[str], cores: Collection[int] | None
) -> Iterator["subprocess.Popen[str]"]:
    process = run(command, env={**os.environ}, cwd=ROOT, cores=cores)
    try:
        yield process
        process.wait(60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()

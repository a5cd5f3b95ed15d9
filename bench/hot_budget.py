"""How many calls a second one budget can take: `python -m bench.hot_budget`.

N processes hold and settle money with the product's own ledger, either all in one window or each in
a window of its own, in batches of B calls a transaction as the writer thread makes them. What
differs between the two is the price of one hot row. The books are checked afterwards.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bench.figures import percentile
from bench.products import databases
from bench.products.base import ROOT, WORKPLACE, neutral_environment
from bench.products.databases import Database
from bench.products.router import POSTGRES
from bench.products.setting_up import set_up

HELD_NANOS, COST_NANOS = 1_000_000, 400_000
HEAD_START_SECONDS = 4.0  # for all processes to be ready
MOST_PROCESSES = 8


@dataclass(frozen=True, slots=True)
class Measured:
    """Calls a second of all processes together, and the median transaction of one, in ms."""

    calls_per_second: float
    hold_ms: float
    settle_ms: float


def work(number: int, batch: int, seconds: float, starts_at: float) -> dict[str, Any]:
    """One process: hold and settle batches in its window until time is up."""
    import django

    django.setup()
    from django.db import transaction
    from django.utils import timezone

    from router_app.budgets import ledger
    from router_app.models import Window
    from router_app.models.ids import new_id

    window = Window.objects.select_related("budget").order_by("pk")[number]
    user_id, lease = window.budget.user_id or 0, timedelta(seconds=150)
    holds_took: list[float] = []
    settles_took: list[float] = []
    time.sleep(max(0.0, starts_at - time.time()))
    while time.time() < starts_at + seconds:
        now = timezone.now()
        ids = [new_id() for _ in range(batch)]
        holds = [ledger.Hold(user_id, [window.pk], HELD_NANOS, now + lease, id_) for id_ in ids]
        began = time.perf_counter()
        with transaction.atomic():
            ledger.reserve_many(holds, now=now)
        held = time.perf_counter()
        state = ledger.State.SETTLED
        with transaction.atomic():
            ledger.close_many(
                [ledger.Closing(id_, [window.pk], HELD_NANOS, state, COST_NANOS) for id_ in ids],
                now=now,
            )
        holds_took.append(held - began)
        settles_took.append(time.perf_counter() - held)
    return {"calls": len(holds_took) * batch, "holds": holds_took, "settles": settles_took}


def measure(
    env: dict[str, str], *, processes: int, batch: int, seconds: float, hot: bool
) -> Measured:
    """Run the processes side by side; `hot`: all in one window."""
    starts_at = time.time() + HEAD_START_SECONDS
    command = [sys.executable, "-m", "bench.hot_budget", "--starts-at", str(starts_at)]
    command += ["--batch", str(batch), "--seconds", str(seconds)]
    started = [
        subprocess.Popen(
            [*command, "--worker", "0" if hot else str(number)],
            env=env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    try:
        results = [json.loads(process.communicate(timeout=seconds + 60)[0]) for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()
    holds = sorted(taken for result in results for taken in result["holds"])
    settles = sorted(taken for result in results for taken in result["settles"])
    return Measured(
        sum(result["calls"] for result in results) / seconds,
        percentile(holds, 50) * 1000,
        percentile(settles, 50) * 1000,
    )


@contextmanager
def installation(vendor: str) -> Iterator[dict[str, str]]:
    """The environment of a new installation with windows for every process; removed after."""
    folder = WORKPLACE / f"hot-{os.getpid()}"
    folder.mkdir(parents=True)
    database: Database | None = None
    try:
        database = (
            databases.on_sqlite(folder) if vendor == "sqlite" else databases.on_postgres(POSTGRES)
        )
        env = {
            **neutral_environment(),
            "ENV_FILE": "/dev/null",
            "DJANGO_SETTINGS_MODULE": "budgetrouter.settings",
            "SECRET_KEY": "only-for-the-benchmark",
            "DATABASE_URL": database.url,
            "REQUEST_LOG_PATH": str(folder / "requests.jsonl"),
        }
        set_up("bench.products.prepare_router", env, folder / "prepare.log")
        _manage(
            env, "shell", "-c", f"from bench.hot_budget import windows; windows({MOST_PROCESSES})"
        )
        yield env
        _manage(env, "check_ledger")
    finally:
        if database is not None:
            database.drop()
        shutil.rmtree(folder, ignore_errors=True)


def windows(count: int) -> None:
    """Make windows with money enough, each of a budget of its own."""
    from django.utils import timezone

    from router_app.budgets.limits import create_budget
    from router_app.models import Period, User, Window

    limit = 10**17
    for number in range(count):
        user = User.objects.create_user(f"hot{number}")
        budget = create_budget(user=user, period=Period.TOTAL, limit_nanos=limit)
        Window.objects.create(
            budget=budget,
            starts_at=timezone.now(),
            limit_nanos=limit,
            peak_limit_nanos=limit,
        )


def _manage(env: dict[str, str], *command: str) -> None:
    subprocess.run([sys.executable, str(ROOT / "manage.py"), *command], env=env, check=True)


def main() -> None:
    """Read the command line; measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description="Measure calls a second on one budget.")
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8, 32, 64])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--starts-at", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker is not None:
        print(json.dumps(work(given.worker, given.batch, given.seconds, given.starts_at)))
        return
    print(
        "| database | processes | calls a transaction | one budget, calls/s | hold, settle ms "
        "| a budget each, calls/s |\n| --- | --: | --: | --: | --: | --: |"
    )
    for vendor in given.databases:
        with installation(vendor) as env:
            for processes in given.processes:
                for batch in given.batches:
                    how = {"processes": processes, "batch": batch, "seconds": given.seconds}
                    hot = measure(env, **how, hot=True)
                    own = measure(env, **how, hot=False) if processes > 1 else hot
                    print(
                        f"| {vendor} | {processes} | {batch} | {hot.calls_per_second:,.0f}"
                        f" | {hot.hold_ms:.2f}, {hot.settle_ms:.2f}"
                        f" | {own.calls_per_second:,.0f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()

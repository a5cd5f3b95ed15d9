"""Fills an empty installation with closed calls: `python -m bench.fill --calls 1000000`.

The books are as if every call had been made: decision, reservation, two journal entries, call,
place in the request log, windows and usage sums; `manage.py check_ledger` finds nothing. The rows
are made inside the database, a statement a table (`fill_sql.py`).

Which database: DATABASE_URL and the other settings, as for any command. It refuses one that holds
calls already.
"""

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from zoneinfo import ZoneInfo

import django
from django.db import connection, transaction
from django.utils import timezone

PERSON = "person{number}"
LIMIT_NANOS = 10**15  # a million dollars
DAYS, PEOPLE = 90, 20
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Filling:
    """What to make."""

    calls: int
    days: int = DAYS
    people: int = PEOPLE


class NotEmpty(Exception):
    """The database holds calls: it may be somebody's."""


def fill(filling: Filling, now: datetime) -> Iterator[str]:
    """Make the rows, saying which after each step. Raises NotEmpty."""
    from bench import fill_sql
    from router_app.models import RoutingDecision

    if RoutingDecision.objects.exists():
        raise NotEmpty("the database holds calls already; nothing was changed")
    start = now - timedelta(days=filling.days)
    with transaction.atomic():
        people, models = _people(filling.people, start, now), _models()
        _temporary("bench_person", ("user_id", "workspace_id", "budget_id"), people)
        _temporary("bench_model", ("model_id", "price_id"), models)
        _run(
            fill_sql.plan(
                connection.vendor,
                calls=filling.calls,
                start=start.timestamp(),
                seconds=filling.days * DAY_SECONDS,
                people=len(people),
                models=len(models),
            )
        )
        yield "plan"
        for table, columns, source in fill_sql.inserts(connection.vendor, _receipt()):
            names, values = ", ".join(columns), ", ".join(columns.values())
            _run(f"INSERT INTO {table} ({names}) SELECT {values} FROM {source}")
            yield table
        _run(fill_sql.SPENT)
        for table in ("bench_plan", "bench_person", "bench_model"):
            _run(f"DROP TABLE {table}")
        _sum_usage()
        yield "router_app_usagerollup"
    if connection.vendor == "postgresql":
        _run("ANALYZE")  # as its autovacuum does soon; nobody does it on SQLite


def _people(count: int, start: datetime, now: datetime) -> list[tuple[int, int, int]]:
    """People with a monthly budget and its windows; (user, workspace, budget) of each."""
    from router_app.budgets.limits import create_budget
    from router_app.models import Budget, Period, User, Window

    budgets: list[Budget] = []
    people: list[tuple[int, int, int]] = []
    for number in range(1, count + 1):
        user = User.objects.create_user(PERSON.format(number=number))
        budget = create_budget(user=user, period=Period.MONTH, limit_nanos=LIMIT_NANOS)
        budgets.append(budget)
        people.append((user.pk, user.personal_workspace.pk, budget.pk))
    Window.objects.bulk_create(
        Window(
            budget=budget,
            starts_at=begins,
            ends_at=ends,
            limit_nanos=LIMIT_NANOS,
            peak_limit_nanos=LIMIT_NANOS,
        )
        for begins, ends in _months(start, now)
        for budget in budgets
    )
    return people


def _months(start: datetime, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    from router_app.budgets.windows import period_bounds

    moment = start
    while moment <= now:
        begins, ends = period_bounds("month", ZoneInfo("UTC"), moment)
        assert ends is not None
        yield begins, ends
        moment = ends.astimezone(UTC)


def _models() -> list[tuple[int, int]]:
    """(model, price) of what can be called."""
    from router_app.gateway import service

    specs = service.catalog().specs
    return [(spec.pk, spec.price_pk) for spec in specs if spec.rates is not None]


def _receipt() -> str:
    """A real one, of four models."""
    from bench.decision import catalogue, choose, prompt

    return str(choose(catalogue(4), prompt())())


def _sum_usage() -> None:
    """The usage sums, as the migration made them for calls that were there before it."""
    rollup = import_module("router_app.migrations.0006_workspaces")
    with connection.cursor() as cursor:
        for seconds in rollup.PERIODS:
            begins = rollup.START[connection.vendor].format(seconds)
            cursor.execute(rollup.FILL.format(seconds=seconds, start=begins))


def _temporary(table: str, columns: Sequence[str], rows: Sequence[Sequence[int]]) -> None:
    """A small table that numbers its rows from 0 in `k`."""
    _run(f"CREATE TEMP TABLE {table} (k bigint, {', '.join(f'{name} bigint' for name in columns)})")
    values = ", ".join(f"({k}, {', '.join(map(str, row))})" for k, row in enumerate(rows))
    _run(f"INSERT INTO {table} VALUES {values}")


def _run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def main() -> None:
    """Read the command line and fill."""
    parser = argparse.ArgumentParser(description="Fill an empty installation with closed calls.")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--people", type=int, default=PEOPLE)
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "budgetrouter.settings")
    django.setup()
    began = time.perf_counter()
    try:
        for step in fill(Filling(given.calls, given.days, given.people), timezone.now()):
            print(f"{time.perf_counter() - began:6.1f} s  {step}", flush=True)
    except NotEmpty as refusal:
        raise SystemExit(str(refusal)) from None


if __name__ == "__main__":
    main()

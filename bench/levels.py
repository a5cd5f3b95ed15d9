"""A large team and many limits: `python -m bench.levels`.

In a database of its own, made and thrown away: a workspace of 10,000 members and a request that 100
limits of all levels bound. Timed are the reserve (the decision's transaction with its commit, one
request at a time) and the pages of the team's admin, through Django's whole stack.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

from bench.figures import percentile
from bench.page import timed

MEMBERS, LIMITS, TIMES = 10_000, 100, 200
PAGE_TIMES = 20
DOLLAR = 1_000_000_000
DAY_SECONDS = 86_400


def setting_up(folder: Path) -> None:
    """Django on an empty database in this folder, migrated, with the starting catalogue."""
    os.environ.update(
        ENV_FILE=os.devnull,
        SECRET_KEY="bench-only",
        DATABASE_URL=f"sqlite:///{folder / 'levels.sqlite3'}",
        REQUEST_LOG_PATH=str(folder / "requests.jsonl"),
        DEMO_BASE_URL="http://127.0.0.1:9/v1",  # nothing is sent
    )
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "budgetrouter.settings")
    django.setup()
    from django.core.management import call_command

    from budgetrouter.serving.static_files import collect_if_changed
    from router_app.catalog.seed import load_catalog

    call_command("migrate", verbosity=0)
    load_catalog()
    collect_if_changed()


def people(count: int) -> tuple[Any, Any]:
    """An admin, and their team of so many members, some of whom have spent something."""
    from django.utils import timezone

    from router_app.models import LanguageModel, Membership, UsageRollup, User, Workspace
    from router_app.workspaces.teams import create_team

    admin = User.objects.create_user("admin", "admin@example.org", "bench")
    team = create_team(name="Everybody", time_zone="UTC", by=admin)
    made = User.objects.bulk_create(User(username=f"member{n}") for n in range(count))
    Workspace.objects.bulk_create(Workspace(name=u.username, personal_of=u) for u in made)
    Membership.objects.bulk_create(Membership(workspace=team, user=u) for u in made)
    model = LanguageModel.objects.first()
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    UsageRollup.objects.bulk_create(
        UsageRollup(
            workspace=team,
            user_id=user.pk,
            seconds=seconds,
            starts_at=day if seconds == DAY_SECONDS else hour,
            model=model,
            task_type="general",
            calls=1,
            requests=1,
            cost_nanos=user.pk * 1000,
        )
        for user in made
        for seconds in (DAY_SECONDS // 96, DAY_SECONDS // 24, DAY_SECONDS)
    )
    return admin, team


def limits(admin: Any, team: Any, count: int) -> None:
    """So many limits that bound the admin's requests: of each level in turn, and of each period."""
    from router_app.budgets.limits import create_budget
    from router_app.models import Level, Period

    whom = [
        (Level.SITE, {}),
        (Level.WORKSPACE, {"workspace": team}),
        (Level.MEMBER, {"workspace": team, "user": admin}),
        (Level.USER, {"user": admin}),
    ]
    periods = list(Period)
    for number in range(count):
        level, names = whom[number % len(whom)]
        create_budget(
            level=level,
            period=periods[number // len(whom) % len(periods)],
            limit_nanos=1000 * DOLLAR,
            name=f"Limit {number}",
            **names,
        )


def reserve(admin: Any, team: Any) -> Callable[[], object]:
    """One admission with all of its holds, committed."""
    from router_app.gateway.admission import admit_all
    from router_app.gateway.asked import Asked, Sizes
    from router_app.gateway.requests import Admission, Face, RouteRequest
    from router_app.gateway.writer import writer
    from router_app.routing.tasks import Quality, Task

    request = RouteRequest(
        user_id=admin.pk,
        workspace_id=team.pk,
        face=Face.ROUTE,
        messages=({"role": "user", "content": "Explain quicksort"},),
        task=Task.GENERAL,
        quality=Quality.MEDIUM,
        budget_nanos=DOLLAR // 100,
    )

    def once() -> object:
        ((outcome, _),) = writer.run_sync(lambda: admit_all([Asked(request, Sizes.of(request))]))
        if not isinstance(outcome, Admission):
            raise SystemExit(f"not admitted: {outcome}")
        return outcome

    return once


def page(client: Any, address: str) -> Callable[[], object]:
    """One page, whole."""

    def once() -> object:
        reply = client.get(address)
        if reply.status_code != 200:
            raise SystemExit(f"{address} answered {reply.status_code}")
        return reply

    return once


def main() -> None:
    """Read the command line, make the database, time, print a line for each."""
    parser = argparse.ArgumentParser(description="Time a large team with many limits.")
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--limits", type=int, default=LIMITS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        setting_up(Path(folder))
        _measure(given.members, given.limits)


def _measure(members: int, count: int) -> None:
    from django.test import Client

    from router_app.gateway import engine
    from router_app.models import User

    began = time.perf_counter()
    admin, team = people(members)
    _say("reserve, 1 limit", timed(_with(admin, team, 1), TIMES))
    limits(admin, team, count - 1)
    print(f"{members:,} members, {count} limits; made in {time.perf_counter() - began:.0f} s")
    _say(f"reserve, {count} limits", timed(reserve(admin, team), TIMES))
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(
        User.objects.get(pk=admin.pk), backend="django.contrib.auth.backends.ModelBackend"
    )
    client.post("/workspaces/choose/", {"workspace": team.pk})
    for address in (
        "/", "/budgets/", "/budgets/members/", "/budgets/members/?name=member9",
        "/dashboard/?whose=team", "/spending/?whose=team&by=member",
        f"/workspaces/{team.pk}/", "/keys/", "/history/", "/alerts/", "/audit/",
    ):  # fmt: skip
        _say(address, timed(page(client, address), PAGE_TIMES))
    engine.finish()


def _with(admin: Any, team: Any, count: int) -> Callable[[], object]:
    limits(admin, team, count)
    return reserve(admin, team)


def _say(title: str, taken: list[float]) -> None:
    figures = ", ".join(f"p{p} {percentile(taken, p) * 1000:.1f} ms" for p in (50, 95))
    print(f"{title:30} {figures}", flush=True)


if __name__ == "__main__":
    main()

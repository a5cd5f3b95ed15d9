"""Fifty answers at once carry a limit over its threshold: one alert, whoever is first.

On SQLite with one server here; with two on PostgreSQL through tests/test_postgres.py.
"""

import asyncio
from pathlib import Path

import pytest
from django.db import connection

from router_app.budgets.limits import create_budget
from router_app.models import Alert, Budget, Notice, User, Window
from tests.gateway.books import assert_clean, assert_nothing_held
from tests.providers.hostile import HostileUpstream
from tests.serving.processes import wait_until
from tests.stories.parallel import Burst, askings, ceiling, statuses
from tests.stories.servers import Gunicorn

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

FIRST, BURST = 5, 50


def test_exactly_one(
    alice: User, upstream: HostileUpstream, headers: dict[str, str], tmp_path: Path
) -> None:
    servers = 1 if connection.vendor == "sqlite" else 2
    room = ceiling(alice) * 2 * BURST
    budget = create_budget(user=alice, period="total", limit_nanos=room, name="Watched")
    with Gunicorn(tmp_path) as one, Gunicorn(tmp_path) as two:
        urls = [one.url, two.url][:servers]
        asyncio.run(Burst(askings(urls, headers, FIRST)).run())
        # What one answer costs is known now: let one in the middle of the fifty reach it.
        spent = Window.objects.get(budget=budget).spent_nanos
        percent = spent * (FIRST + BURST // 2) * 100 // (FIRST * room)
        Budget.objects.filter(pk=budget.pk).update(alert_percents=[percent])
        assert 0 < percent * room // 100 - spent < spent * BURST // FIRST

        answers = asyncio.run(Burst(askings(urls, headers, BURST)).run())
        assert statuses(answers) == {200: BURST}
        wait_until(lambda: Notice.objects.filter(user=alice).exists())

    alert = Alert.objects.get()
    assert (alert.window.budget, alert.percent) == (budget, percent)  # type: ignore[union-attr]
    assert Notice.objects.count() == 1
    assert_nothing_held()
    assert_clean()

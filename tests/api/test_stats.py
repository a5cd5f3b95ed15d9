"""`GET /stats`: the caller's own requests, nobody else's, exact."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from router_app.models import User
from router_app.providers.scripted import ScriptedProvider
from tests.api.conftest import Asker, exact
from tests.factories import make_call, make_model, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_asked_is_counted_to_the_nano_dollar(
    asker: Asker, provider: ScriptedProvider
) -> None:
    asker.ask()
    asker.ask()
    asker.ask(model="llama-3.1-8b-instant")
    asker.ask(dry_run=True)
    asker.ask(budget=0.0000001)

    reply = exact(asker.get("/stats"))

    # 10 in and 2 out: 7,480 nanos on the 70B, 660 on the 8B.
    assert reply["total_requests"] == 3
    assert reply["total_cost"] == Decimal("0.00001562")
    assert reply["average_cost"] == Decimal("0.000005207")
    assert reply["model_usage"] == {"llama-3.3-70b-versatile": 2, "llama-3.1-8b-instant": 1}
    assert (reply["period"], reply["time_zone"]) == ("all", "UTC")


def test_of_others_nothing_is_seen(asker: Asker, alice: User) -> None:
    make_call(make_user("bob"), make_model("bobs-model"))

    reply = asker.get("/stats").json()

    assert reply["total_requests"] == 0
    assert reply["total_cost"] == reply["average_cost"] == 0
    assert reply["model_usage"] == {}


@pytest.mark.parametrize(
    ("period", "days_ago", "counted"),
    [
        ("today", 0, 1),
        ("today", 1, 0),
        ("week", 6, 1),
        ("week", 7, 0),
        ("all", 400, 1),
    ],
)
def test_a_period_is_whole_days(
    period: str, days_ago: int, counted: int, asker: Asker, alice: User, at_time: Any
) -> None:
    noon = datetime(2026, 11, 18, 12, tzinfo=UTC)
    with at_time(noon):
        make_call(alice, at=noon - timedelta(days=days_ago))

        reply = asker.get(f"/stats?period={period}").json()

    assert reply["total_requests"] == counted
    assert reply["period"] == period


def test_a_month_begins_on_its_first_in_the_callers_time_zone(
    asker: Asker, alice: User, at_time: Any
) -> None:
    alice.time_zone = "Asia/Tokyo"
    alice.save()
    with at_time(datetime(2026, 11, 5, 12, tzinfo=UTC)):
        make_call(alice, at=datetime(2026, 10, 31, 15, 30, tzinfo=UTC))  # 0:30 on the first there
        make_call(alice, at=datetime(2026, 10, 31, 14, 30, tzinfo=UTC))

        reply = asker.get("/stats?period=month").json()

    assert reply["total_requests"] == 1
    assert reply["starts_at"] == "2026-10-31T15:00:00Z"
    assert reply["time_zone"] == "Asia/Tokyo"


def test_what_else_stands_in_the_query_is_no_harm(asker: Asker) -> None:
    assert asker.get("/stats?period=week&period=all&x=%00&utm=1").status_code == 200


@pytest.fixture
def at_time() -> Any:
    """Travel in time; the writer's thread comes along."""
    return lambda moment: time_machine.travel(moment, tick=True)

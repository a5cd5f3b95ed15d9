"""The dashboard: numbers equal the journal, days are one's own, a refresh brings only news."""

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from router_app.models import LanguageModel, LedgerEntry, User
from router_app.money import format_usd, plain_usd
from tests import factories as make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 15, 10, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now():
    cache.clear()
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def alice(client: Client) -> User:
    alice = make.make_user("alice", time_zone="Europe/Berlin")
    client.force_login(alice)
    return alice


@pytest.fixture
def models() -> list[LanguageModel]:
    return list(make.make_catalogue().values())


def page(client: Client, query: str = "") -> str:
    response = client.get(reverse("dashboard") + query)
    assert response.status_code == 200
    return response.content.decode()


def charts_of(html: str) -> dict:
    return json.loads(unescape(re.search(r'data-charts="([^"]*)"', html)[1]))


def version_of(html: str) -> str:
    return re.search(r'name="v" value="([^"]*)"', html)[1]


def figures_of(html: str) -> list[str]:
    """The tiles' texts: label, value, and what is under them."""
    shown = html[html.index('<dl class="stats"') : html.index("</dl>")]
    tiles = shown.split('<div class="stat">')[1:]
    return [" ".join(re.sub(r"<[^>]+>", " ", tile).split()) for tile in tiles]


def live(client: Client, version: str = "", query: str = "range=30d"):
    return client.get(f"{reverse('dashboard_live')}?{query}&v={version}")


def test_before_the_first_request_it_says_what_to_do(client: Client, alice: User) -> None:
    html = page(client)
    assert "No requests yet" in html
    assert reverse("chat") in html
    assert "chart.umd" not in html


def test_numbers_equal_the_journal(
    client: Client, alice: User, models: list[LanguageModel]
) -> None:
    window = make.make_window(make.make_budget(alice, 10**15))
    for number, model in enumerate(models):
        make.make_call(alice, model, windows=[window], cost_nanos=10**9 + number * 7,
                       reserved_nanos=10**9, at=NOW - timedelta(days=number))  # fmt: skip
    call = make.make_call(alice, models[0], windows=[window], at=NOW, cost_nanos=5_001)
    make.correct_call(call, -1, [window])
    entries = LedgerEntry.objects.filter(window=window)
    booked = sum(entry.spent_delta_nanos + entry.overage_delta_nanos for entry in entries)
    html = page(client)
    assert f'title="{plain_usd(booked)} USD">{format_usd(booked)}<' in html
    charts = charts_of(html)
    assert sum(map(sum, (series["nanos"] for series in charts["course"]["series"]))) == booked
    assert sum(model["nanos"] for model in charts["models"]) == booked
    assert sum(task["nanos"] for task in charts["tasks"]) == booked


def test_the_figures_and_their_change(client: Client, alice: User) -> None:
    model = make.make_model()
    for days, cost in ((0, 300_000), (1, 300_000), (8, 400_000)):
        make.make_call(alice, model, cost_nanos=cost, at=NOW - timedelta(days=days))
    requests, cost, each, tokens = figures_of(page(client, "?range=7d"))
    assert requests == "Requests 2 100 % above the 7 days before"
    assert cost == "Cost $0.0006 50 % above the 7 days before"
    assert each == "Cost per request $0.0003 25 % below the 7 days before"
    assert tokens == "Tokens 480 80 in, 400 out 100 % above the 7 days before"


@pytest.mark.parametrize(
    ("query", "buckets", "first"),
    [
        ("", 30, "17 Oct"),
        ("?range=today", 24, "00:00"),
        ("?range=7d", 7, "9 Nov"),
        ("?range=month", 15, "1 Nov"),
        ("?range=custom&since=2026-10-24&until=2026-10-26", 3, "24 Oct"),
        ("?range=custom&since=2026-10-25&until=2026-10-25", 25, "00:00"),  # the clock goes back
        ("?range=custom&since=2026-01-01", 11, "Jan 2026"),
        ("?range=custom", 24, "00:00"),
        ("?range=custom&since=nonsense&until=2026-13-77", 24, "00:00"),
        ("?range=custom&since=0001-01-01&until=9999-12-31", 481, "Nov 1986"),
        ("?range=nonsense", 30, "17 Oct"),
        ("?range=", 30, "17 Oct"),
    ],
)
def test_ranges(client: Client, alice: User, query: str, buckets: int, first: str) -> None:
    make.make_call(alice, at=NOW)
    labels = charts_of(page(client, query))["course"]["labels"]
    assert (len(labels), labels[0]) == (buckets, first)


def test_a_day_begins_at_its_owners_midnight(client: Client, alice: User) -> None:
    # 23:30 in Berlin on the 14th is 22:30 UTC; 00:30 on the 15th is 23:30 UTC on the 14th.
    make.make_call(alice, cost_nanos=1, at=datetime(2026, 11, 14, 22, 30, tzinfo=UTC))
    make.make_call(alice, cost_nanos=10, at=datetime(2026, 11, 14, 23, 30, tzinfo=UTC))
    charts = charts_of(page(client, "?range=7d"))
    assert charts["course"]["series"][0]["nanos"] == [0, 0, 0, 0, 0, 1, 10]
    assert charts_of(page(client, "?range=today"))["models"][0]["nanos"] == 10


def test_every_chart_has_its_numbers_as_a_table(
    client: Client, alice: User, models: list[LanguageModel]
) -> None:
    for model in models[:2]:
        make.make_call(alice, model, at=NOW, cost_nanos=1_230_000)
    html = page(client, "?range=7d")
    assert html.count("<canvas") == html.count('-chart" role="img"') == 3
    assert html.count("<table") == 3
    assert html.count("50 %") == 2
    assert models[0].name in html
    assert "15 Nov" in html


def test_a_model_keeps_its_colour(client: Client, alice: User, models: list[LanguageModel]) -> None:
    make.make_call(alice, models[2], at=NOW)
    html = page(client)
    colour = f"model-{(models[2].pk - 1) % 12 + 1}"
    assert charts_of(html)["models"][0]["colour"] == colour
    assert f'class="chip {colour}"' in html


def test_a_name_is_no_markup(client: Client, alice: User) -> None:
    make.make_call(alice, make.make_model(name="\"><script>alert('1')</script>"), at=NOW)
    html = page(client)
    assert "<script>alert" not in html
    assert charts_of(html)["models"][0]["name"].startswith('"><script>')


def test_strangers_see_nothing_of_it(client: Client, alice: User) -> None:
    make.make_call(alice, make.make_model(name="Secret Model"), at=NOW)
    page(client)
    client.force_login(make.make_user("charlie", time_zone="Europe/Berlin"))
    assert "No requests yet" in page(client)
    assert "Secret Model" not in live(client).content.decode()


@pytest.mark.parametrize("name", ["dashboard", "dashboard_live"])
def test_it_needs_signing_in(client: Client, name: str) -> None:
    response = client.get(reverse(name))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


class TestLive:
    def test_says_nothing_while_nothing_changed(self, client: Client, alice: User) -> None:
        make.make_call(alice, at=NOW)
        version = version_of(page(client))
        assert live(client, version).status_code == 204
        assert live(client, version).content == b""

    def test_a_new_call_brings_the_parts_that_change(self, client: Client, alice: User) -> None:
        make.make_call(alice, at=NOW, cost_nanos=1_000)
        version = version_of(page(client))
        make.make_call(alice, at=NOW, cost_nanos=2_000)
        response = live(client, version)
        html = response.content.decode()
        assert response.status_code == 200
        assert "HX-Refresh" not in response
        assert html.count('hx-swap-oob="true"') == 5
        assert charts_of(html)["models"][0]["nanos"] == 3_000
        assert live(client, version_of(html)).status_code == 204

    def test_so_does_a_correction(self, client: Client, alice: User) -> None:
        window = make.make_window(make.make_budget(alice))
        call = make.make_call(alice, at=NOW, windows=[window])
        version = version_of(page(client))
        make.correct_call(call, -10, [window])
        assert live(client, version).status_code == 200

    def test_what_others_do_changes_nothing(self, client: Client, alice: User) -> None:
        make.make_call(alice, at=NOW)
        version = version_of(page(client))
        make.make_call(make.make_user("bob"), at=NOW)
        assert live(client, version).status_code == 204

    def test_the_first_request_ever_brings_the_whole_page(
        self, client: Client, alice: User
    ) -> None:
        version = version_of(page(client))
        assert live(client, version).status_code == 204
        make.make_call(alice, at=NOW)
        assert live(client, version)["HX-Refresh"] == "true"

    def test_sums_only_when_something_happened(
        self, client: Client, alice: User, django_assert_max_num_queries
    ) -> None:
        make.make_call(alice, at=NOW)
        version = version_of(page(client))
        with django_assert_max_num_queries(5) as asked:  # session, person, two stamps
            live(client, version)
        assert not [query for query in asked if "router_app_call" in query["sql"]]

    def test_the_page_asks_for_its_own_range(self, client: Client, alice: User) -> None:
        make.make_call(alice, at=NOW)
        html = unescape(page(client, "?range=custom&since=2026-11-01&until=2026-11-03"))
        assert "/dashboard/live?range=custom&since=2026-11-01&until=2026-11-03" in html
        assert 'hx-trigger="every 5s, refresh"' in html

"""`GET /metrics`: who may read it, and that it says what happened and of nobody."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from router_app.analytics.metrics import recording
from router_app.analytics.metrics.tally import OTHER
from router_app.gateway import watching
from router_app.gateway.keys import create_key
from router_app.models import Call, CatalogRevision, Price, RoutingDecision, User, Window
from router_app.providers.base import Finished, TextDelta, Usage
from router_app.providers.scripted import ScriptedProvider
from tests.api.conftest import CLIENT, Asker
from tests.factories import make_call, make_user

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "scraper-7f3k"
MODEL = "openai/gpt-oss-20b"


@pytest.fixture(autouse=True)
def _nothing_counted(settings: Any) -> Iterator[None]:
    settings.METRICS_TOKEN = TOKEN
    recording.forget()
    watching.database.forget()
    yield
    recording.forget()


def scrape(token: str = TOKEN, client: Client = CLIENT, **headers: str) -> Any:
    sent = {"authorization": f"Bearer {token}"} if token else {}
    return client.get("/metrics", headers={**sent, **headers})


def numbers() -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """By name and labels."""
    watching.database.forget()
    text = scrape().content.decode()
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def total(name: str, **labels: str) -> float:
    """The sum over every series with these labels."""
    wanted = set(labels.items())
    return sum(value for has, value in numbers().get(name, {}).items() if wanted <= has)


class TestWhoMay:
    def test_the_scraper_with_its_token(self) -> None:
        answer = scrape()
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
        assert answer["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("token", ["", "x", TOKEN + "x", TOKEN[:-1], TOKEN.upper(), "é", "\0"])
    def test_nobody_with_another(self, token: str) -> None:
        answer = CLIENT.get("/metrics", headers={"authorization": f"Bearer {token}"})
        assert_refused(answer, 401, "invalid_api_key")

    @pytest.mark.parametrize("header", ["", TOKEN, f"Basic {TOKEN}", f"Token {TOKEN}"])
    def test_nobody_with_another_scheme(self, header: str) -> None:
        assert_refused(CLIENT.get("/metrics", headers={"authorization": header}), 401)

    def test_nobody_with_a_key_of_the_api(self, key: str) -> None:
        assert_refused(scrape(key), 401, "invalid_api_key")

    @pytest.mark.parametrize("token", ["", " ", "None"])
    def test_no_token_is_right_where_none_is_set(self, token: str, settings: Any) -> None:
        settings.METRICS_TOKEN = ""
        answer = CLIENT.get("/metrics", headers={"authorization": f"Bearer {token}"})
        assert_refused(answer, 401)

    @pytest.mark.parametrize("token", ["", TOKEN])
    def test_administrators_who_are_signed_in(self, token: str, settings: Any) -> None:
        settings.METRICS_TOKEN = token
        for fields, status in (
            ({"is_staff": True}, 200),
            ({"is_staff": False}, 403),
            ({"is_staff": True, "is_active": False}, 401),
        ):
            client = Client()
            client.force_login(make_user(**fields))
            assert scrape("", client).status_code == status, fields
        assert_refused(scrape(""), 401)

    def test_a_wrong_token_is_not_made_good_by_a_session(self) -> None:
        client = Client()
        client.force_login(make_user(is_staff=True))
        assert scrape("wrong", client).status_code == 401


def assert_refused(answer: Any, status: int, code: str | None = None) -> None:
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/json"
    assert "budget_router" not in answer.content.decode()
    assert code is None or answer.json()["error"]["code"] == code


class TestWhatItSays:
    def test_a_request_its_call_and_its_cost(
        self, asker: Asker, provider: ScriptedProvider
    ) -> None:
        provider.enqueue(TextDelta("Hi"), Finished("stop", Usage(12, 300)))
        assert asker.ask(model=MODEL).status_code == 200

        call = Call.objects.get()
        assert total("budget_router_requests_total", face="route", outcome="answered") == 1
        assert total("budget_router_request_duration_seconds_count", face="route") == 1
        called = {"gen_ai_request_model": MODEL, "gen_ai_provider_name": "demo"}
        assert total("budget_router_calls_total", outcome="answered", **called) == 1
        assert total("gen_ai_client_operation_duration_seconds_count", **called) == 1
        for kind, tokens in (("input", 12), ("output", 300)):
            used = {**called, "gen_ai_token_type": kind}
            assert total("gen_ai_client_token_usage_sum", **used) == tokens
        cost = total("budget_router_cost_usd_total", **called)
        assert cost == pytest.approx(call.cost_nanos / 1e9)
        assert total("budget_router_writer_batch_size_count") > 0
        assert total("http_server_request_duration_seconds_count", http_route="/route") == 1

    def test_refusals_by_reason_and_budget(self, asker: Asker, alice: User) -> None:
        assert asker.ask(budget=0.000001).status_code == 402
        Window.objects.update(limit_nanos=0)
        alice.budgets.update(limit_nanos=0)
        assert asker.ask().status_code == 402
        assert asker.ask(model="nobody").status_code == 400

        refused = "budget_router_refusals_total"
        assert total(refused, code="budget_exceeded", budget="request", face="route") == 1
        assert total(refused, code="budget_exceeded", budget="account", face="route") == 1
        assert total(refused, code="model_not_found", face="route") == 1

    def test_what_is_held_now(self, alice: User, provider: ScriptedProvider) -> None:
        make_call(alice, outcome="running", reserved_nanos=250_000_000)

        assert total("budget_router_reserved_usd") == pytest.approx(0.25)
        assert total("budget_router_reservations") == 1

    def test_what_waits_for_the_request_log(self, alice: User) -> None:
        make_call(alice)
        assert total("budget_router_request_log_pending_lines") == 1

    def test_models_that_have_no_price_or_rest(self, alice: User) -> None:
        Price.objects.filter(model__model_id=MODEL).delete()
        CatalogRevision.bump()
        assert total("budget_router_models_without_price") == 1
        assert total("budget_router_model_cooled") == 0

    def test_of_nobody(self, alice: User, asker: Asker, provider: ScriptedProvider) -> None:
        secret = "Zebrafish"
        provider.enqueue(TextDelta(secret), Finished("stop", Usage(12, 300)))
        alice.budgets.update(name=secret)
        create_key(user=alice, name=secret)
        asker.ask(secret)
        asker.ask(secret, model=secret)
        asker.ask(secret, budget=0.000001)
        CLIENT.get(f"/{secret}", headers={"authorization": f"Bearer {secret}"})
        CLIENT.generic(secret.upper(), "/route")

        text = scrape().content.decode()
        assert not re.search(f"{secret}|alice|{asker.key}", text, re.IGNORECASE)
        assert str(RoutingDecision.objects.get().pk) not in text
        assert OTHER not in text

    def test_it_goes_on_without_the_database(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def away() -> watching.Stored:
            raise OperationalError("the password is hidden")

        monkeypatch.setattr(watching.database, "_look", away)
        answer = scrape()
        assert answer.status_code == 200
        assert "budget_router_database_up 0.0" in answer.content.decode()
        assert "hidden" not in answer.content.decode()

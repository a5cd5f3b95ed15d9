"""A key's limits at `/route`: what counts, what a refusal says; and money is another matter."""

import json
from typing import Any

import pytest
from django.test import Client

from router_app.gateway.keys import create_key
from router_app.gateway.rate_counters import LocalCounter
from router_app.gateway.rates import rates
from router_app.models import ApiKey, User
from router_app.providers.scripted import ScriptedProvider
from tests.api.conftest import CLIENT, Asker

pytestmark = pytest.mark.django_db(transaction=True)
LEFT = "x-ratelimit-remaining-requests"


@pytest.fixture(autouse=True)
def _nothing_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "local", LocalCounter())


def limited(user: User, **limits: int) -> Asker:
    """A program of this person whose key has these limits."""
    row, text = create_key(user=user, name="limited")
    ApiKey.objects.filter(pk=row.pk).update(**limits)
    return Asker(text)


def test_a_key_without_limits_hears_nothing_of_them(
    asker: Asker, provider: ScriptedProvider
) -> None:
    response = asker.ask()
    assert response.status_code == 200
    assert not [name for name in response.headers if "ratelimit" in name.lower()]


def test_the_request_after_the_last_is_refused_before_anything_is_called(
    alice: User, provider: ScriptedProvider
) -> None:
    asker = limited(alice, requests_per_minute=2)
    assert [asker.ask().headers[LEFT] for _ in range(2)] == ["1", "0"]

    refused = asker.ask()
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["x-ratelimit-limit-requests"] == "2"
    assert refused.headers[LEFT] == "0"
    assert refused.headers["x-request-id"]
    error = json.loads(refused.content)["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert len(provider.calls) == 2


def test_whatever_a_known_key_asks_counts_and_says_so(
    alice: User, provider: ScriptedProvider
) -> None:
    asker = limited(alice, requests_per_minute=10)
    answers = [
        asker.post(raw=b"{"),
        asker.post({"prompt": ""}),
        asker.post({}, content_type="text/plain"),
        asker.ask(budget=0.000000001),
        asker.ask(model="no/such-model"),
        asker.ask(dry_run=True),
    ]
    assert [each.status_code for each in answers] == [400, 400, 415, 402, 400, 200]
    assert [each.headers[LEFT] for each in answers] == ["9", "8", "7", "6", "5", "4"]


def test_money_is_a_402_until_the_limit_and_says_that_asking_again_is_no_use(
    alice: User, provider: ScriptedProvider
) -> None:
    asker = limited(alice, requests_per_minute=1)
    refused = asker.ask(budget=0.000000001)
    assert (refused.status_code, refused.headers["x-should-retry"]) == (402, "false")
    assert asker.ask(budget=0.000000001).status_code == 429


def test_other_addresses_and_people_at_the_pages_do_not_count(
    alice: User, provider: ScriptedProvider
) -> None:
    asker = limited(alice, requests_per_minute=1)
    for _ in range(3):
        assert asker.get("/stats").status_code == 200
    browser = Client()
    browser.force_login(alice)
    body = json.dumps({"prompt": "Explain quicksort", "budget": 0.01})
    for _ in range(3):
        assert browser.post("/route", body, content_type="application/json").status_code == 200
    assert asker.ask().status_code == 200
    assert asker.ask().status_code == 429


def test_a_stranger_with_a_wrong_key_uses_up_nothing(
    alice: User, provider: ScriptedProvider
) -> None:
    asker = limited(alice, requests_per_minute=1)
    wrong = {"authorization": f"Bearer {asker.key[:-1]}?"}
    for _ in range(3):
        answer: Any = CLIENT.post("/route", b"{}", content_type="application/json", headers=wrong)
        assert answer.status_code == 401
    assert asker.ask().status_code == 200


def test_a_place_is_free_again_after_an_answer_and_after_an_error(
    alice: User, provider: ScriptedProvider
) -> None:
    asker = limited(alice, concurrent_requests=1)
    for body in ({"prompt": "Explain quicksort", "budget": 0.01}, {"prompt": ""}) * 2:
        response = asker.post(body)
        assert response.status_code in (200, 400)
        assert response.headers["x-ratelimit-remaining-concurrency"] == "0"


def test_the_servers_own_limit_holds_for_keys_that_have_none(
    alice: User, provider: ScriptedProvider, settings: Any
) -> None:
    settings.KEY_REQUESTS_PER_MINUTE = 1
    asker, freed = limited(alice), limited(alice, requests_per_minute=0)
    assert [asker.ask().status_code for _ in range(2)] == [200, 429]
    assert [freed.ask().status_code for _ in range(2)] == [200, 200]

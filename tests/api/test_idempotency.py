"""`Idempotency-Key` on `/route`, as a client sees it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from router_app.budgets.limits import set_limit
from router_app.gateway.keys import create_key
from router_app.models import Budget, Call, IdempotentRequest, RoutingDecision, User
from router_app.providers.base import Billing, FailureKind, Finished, ProviderFailure, TextDelta
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.api.conftest import Asker, exact

pytestmark = pytest.mark.django_db(transaction=True)

B8 = "llama-3.1-8b-instant"
BODY = {"prompt": "Explain quicksort", "budget": 0.01}


def post(asker: Asker, key: str = "order-1", body: Any = BODY, **headers: str) -> Any:
    return asker.post(body, idempotency_key=key, **headers)


def same(first: Any, again: Any) -> bool:
    """The same answer, save for what belongs to each exchange."""
    own = {"x-request-id", "Idempotent-Replayed"}

    def seen(response: Any) -> Any:
        headers = {name: value for name, value in response.items() if name not in own}
        return response.status_code, response.content, headers

    return bool(seen(first) == seen(again))


def test_asking_again_is_answered_alike_and_costs_nothing(
    asker: Asker, provider: ScriptedProvider
) -> None:
    first = post(asker)
    again = post(asker)

    assert first.status_code == 200
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert same(first, again)
    assert again["x-router-call-id"] == str(Call.objects.get().pk)
    assert first["x-request-id"] != again["x-request-id"]
    assert len(provider.calls) == 1


def test_an_answer_under_a_key_is_the_answer_without_one(
    asker: Asker, provider: ScriptedProvider
) -> None:
    ids = ("x-router-call-id", "x-request-id")
    plain, keyed = asker.post(BODY), post(asker)

    told, told_too = exact(plain), exact(keyed)
    assert told.pop("id") != told_too.pop("id")
    assert told.pop("budget") != told_too.pop("budget")
    assert told == told_too
    headers = [{k: v for k, v in each.items() if k not in ids} for each in (plain, keyed)]
    assert headers[0] == headers[1]


def test_all_keys_of_a_person_share_what_they_name(
    asker: Asker, alice: User, provider: ScriptedProvider
) -> None:
    other = Asker(create_key(user=alice, name="another")[1])
    browser, token = Client(), "a" * 32
    browser.force_login(alice)
    browser.cookies["csrftoken"] = token

    first = post(asker)
    replays = [
        post(other),
        browser.post(
            "/route",
            json.dumps(BODY),
            content_type="application/json",
            headers={"Idempotency-Key": "order-1", "X-CSRFToken": token},
        ),
    ]

    assert [again.content for again in replays] == [first.content] * 2
    assert all(again["Idempotent-Replayed"] == "true" for again in replays)
    assert len(provider.calls) == 1


def test_another_body_is_another_request(asker: Asker, provider: ScriptedProvider) -> None:
    raw = json.dumps(BODY).encode()
    asker.post(raw=raw, idempotency_key="order-1")

    for other in (raw + b" ", raw.replace(b"0.01", b"0.02")):
        refused = asker.post(raw=other, idempotency_key="order-1")

        error = exact(refused)["error"]
        assert refused.status_code == 422
        assert (error["code"], error["param"]) == ("idempotency_key_reused", "Idempotency-Key")
        assert error["type"] == "idempotency_error"
    assert len(provider.calls) == 1


@pytest.mark.parametrize("text", ["", "x" * 256, "naïve", "tab\tin", "\x7f"])
def test_what_is_no_key_is_refused(text: str, asker: Asker, provider: ScriptedProvider) -> None:
    refused = post(asker, text)

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "Idempotency-Key"
    assert not provider.calls


@pytest.mark.parametrize("text", ["x" * 255, " ", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "~"])
def test_what_is_a_key(text: str, asker: Asker, provider: ScriptedProvider) -> None:
    assert post(asker, text).status_code == 200
    assert IdempotentRequest.objects.get().key == text


def test_a_dry_run_has_no_use_for_a_key(asker: Asker, provider: ScriptedProvider) -> None:
    for body in ({**BODY, "dry_run": True}, {**BODY, "dry_run": True, "quality": "low"}):
        assert post(asker, body=body).status_code == 200
    assert not IdempotentRequest.objects.exists()

    assert "Idempotent-Replayed" not in post(asker)
    assert len(provider.calls) == 1


def test_a_request_that_was_refused_may_come_again(
    asker: Asker, provider: ScriptedProvider
) -> None:
    assert post(asker, body={**BODY, "quality": "best"}).status_code == 400
    assert post(asker, body={**BODY, "model": "nobody/knows"}).status_code == 400
    budget = Budget.objects.get()
    limit = budget.limit_nanos
    set_limit(budget, limit_nanos=1, now=timezone.now())
    assert post(asker).status_code == 402
    set_limit(budget, limit_nanos=limit, now=timezone.now())

    assert post(asker).status_code == 200
    assert len(provider.calls) == 1


def test_a_failure_is_repeated_and_says_that_asking_again_is_no_use(
    asker: Asker, provider: ScriptedProvider
) -> None:
    provider.default = (ProviderFailure(FailureKind.OVERLOADED, "x", billing=Billing.NOT_BILLED),)

    first = post(asker, body={**BODY, "model": B8})
    calls = len(provider.calls)
    again = post(asker, body={**BODY, "model": B8})

    assert first.status_code == 503
    assert first["x-should-retry"] == "false"
    assert first.json()["error"]["id"] == str(RoutingDecision.objects.get().pk)
    assert same(first, again)
    assert again["Idempotent-Replayed"] == "true"
    assert len(provider.calls) == calls


def test_an_answer_after_several_attempts_is_told_whole(
    asker: Asker, provider: ScriptedProvider
) -> None:
    refused = ProviderFailure(FailureKind.REJECTED, "x", billing=Billing.NOT_BILLED)
    provider.enqueue(refused, model="llama-3.3-70b-versatile")

    first = post(asker)

    assert [item["outcome"] for item in exact(first)["decision"]["attempts"]] == [
        "failed",
        "answered",
    ]
    assert same(first, post(asker))


def test_under_way_is_a_409_that_clients_repeat_by_themselves(
    asker: Asker, provider: ScriptedProvider
) -> None:
    provider.gate = gate = Gate()
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(post, asker)
        while not provider.calls:
            pass
        busy = post(asker)
        gate.open()
        answered = first.result(20)

    assert (busy.status_code, busy["Retry-After"]) == (409, "1")
    assert busy.json()["error"]["code"] == "idempotency_key_in_use"
    assert "x-should-retry" not in busy
    assert same(answered, post(asker))
    assert len(provider.calls) == 1


def test_an_unknown_outcome_says_which_request_and_what_it_cost(
    asker: Asker, provider: ScriptedProvider
) -> None:
    provider.enqueue(TextDelta("x"), Finished("stop", None))
    post(asker)
    IdempotentRequest.objects.update(status=None, body=b"")

    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        unknown = post(asker)

    error = exact(unknown)["error"]
    assert (unknown.status_code, error["code"]) == (409, "outcome_unknown")
    assert unknown["x-should-retry"] == "false"
    assert error["id"] == str(RoutingDecision.objects.get().pk)
    assert error["actual_cost"] > 0
    assert "new one" in error["message"]
    assert len(provider.calls) == 1

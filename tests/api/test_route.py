"""`POST /route`, from a prompt to its receipt."""

import json
import logging
import re
import uuid
from decimal import Decimal
from typing import Any

import pytest

from budgetrouter.logging import JsonFormatter
from router_app.budgets.limits import create_budget, set_limit
from router_app.gateway.keys import Principal
from router_app.models import (
    Budget,
    Call,
    LanguageModel,
    Reservation,
    RoutingDecision,
    User,
    Window,
)
from router_app.money import nanos_from_usd
from router_app.providers.base import (
    Billing,
    FailureKind,
    Finished,
    ProviderFailure,
    TextDelta,
    Usage,
    UsageSource,
)
from router_app.providers.scripted import ScriptedProvider
from tests.api.conftest import Asker, exact

pytestmark = pytest.mark.django_db(transaction=True)

B70, B120, B8 = "llama-3.3-70b-versatile", "openai/gpt-oss-120b", "llama-3.1-8b-instant"
SECRET = "gsk_live_0123456789 http://10.0.0.7/internal"


def failing(kind: FailureKind, billing: Billing = Billing.NOT_BILLED) -> ProviderFailure:
    return ProviderFailure(kind, SECRET, billing=billing)


def test_an_answer_has_the_six_fields_and_the_receipt(
    asker: Asker, provider: ScriptedProvider
) -> None:
    usage = Usage(12, 300, cached_tokens=4, reasoning_tokens=50)
    provider.enqueue(TextDelta("Quick"), TextDelta("sort."), Finished("stop", usage))

    response = asker.ask(task_type="code", quality="high")

    reply = exact(response)
    assert response.status_code == 200
    assert reply["model"] == B70
    assert reply["response"] == "Quicksort."
    # 12 in at $0.59 and 300 out at $0.79 per million; no cached rate is listed for the 70B.
    assert reply["actual_cost"] == Decimal("0.00024408")
    assert reply["tokens_used"] == 312
    assert reply["routing_reason"].startswith("Best quality match for code tasks within budget")
    assert reply["estimated_cost"] > 0
    assert reply["usage"] == {
        "input_tokens": 12,
        "output_tokens": 300,
        "cached_tokens": 4,
        "reasoning_tokens": 50,
        "source": "reported",
    }
    assert (reply["quality_met"], reply["finish_reason"]) == (True, "stop")
    decision = RoutingDecision.objects.get()
    assert reply["id"] == str(decision.pk)
    assert reply["decision"]["policy_version"] == decision.receipt["policy_version"]
    assert [item["rank"] for item in reply["decision"]["candidates"]] == [1, 2, None, None]
    assert reply["decision"]["attempts"] == []


def test_headers_carry_model_cost_and_call(asker: Asker, provider: ScriptedProvider) -> None:
    response = asker.ask()

    assert response["x-router-model"] == B70
    assert response["x-router-cost"] == "0.00000748"
    assert response["x-router-call-id"] == str(Call.objects.get().pk)
    assert uuid.UUID(response["x-request-id"])


def test_the_text_of_every_amount_is_exact(asker: Asker, provider: ScriptedProvider) -> None:
    provider.enqueue(TextDelta("x"), Finished("stop", Usage(1, 1)))

    text = asker.ask(quality="low", model=B8).content.decode()

    # 1 in at $0.05 and 1 out at $0.08 per million: 130 nanos.
    assert '"actual_cost":0.00000013,' in text
    assert '"left":4.99999987,' in text
    numbers = re.findall(r'":(-?[0-9][^,}\]]*)', text)
    assert numbers
    assert all(re.fullmatch(r"-?\d+(\.\d{0,8}[1-9])?", number) for number in numbers)


def test_what_the_call_gave_back_is_left(
    asker: Asker, alice: User, provider: ScriptedProvider
) -> None:
    create_budget(user=alice, period="day", limit_nanos=nanos_from_usd("0.5"), task_type="code")
    create_budget(user=alice, period="day", limit_nanos=nanos_from_usd("0.1"), task_type="email")

    budget = exact(asker.ask(task_type="code"))["budget"]

    cost = Decimal("0.00000748")
    assert [item["name"] for item in budget["limits"]] == ["Daily limit for code", "Monthly limit"]
    assert budget["tightest"] == "Daily limit for code"
    assert budget["left"] == Decimal("0.5") - cost
    assert [item["spent"] for item in budget["limits"]] == [cost, cost]
    assert [item["reserved"] for item in budget["limits"]] == [0, 0]
    assert [item["available"] for item in budget["limits"]] == [
        Decimal("0.5") - cost,
        Decimal(5) - cost,
    ]
    assert budget["resets_at"].endswith("Z")


def test_someone_without_limits_reads_that_nothing_limits_them(
    asker: Asker, alice: User, provider: ScriptedProvider
) -> None:
    Budget.objects.update(is_active=False)
    User.objects.update(unlimited=True)

    reply = asker.ask().json()

    nothing = {"tightest": None, "left": None, "resets_at": None, "limits": []}
    assert reply["budget"] == nothing


def test_a_stand_in_says_that_it_is_one(asker: Asker, provider: ScriptedProvider) -> None:
    reply = asker.ask().json()

    assert reply["stand_in"] is True
    assert reply["note"].startswith("A small local model wrote this in place of Llama 3.3 70B")


def test_a_real_provider_needs_no_note(key: str, provider: ScriptedProvider, settings: Any) -> None:
    settings.GROQ_API_KEY = "gsk_test"

    reply = Asker(key).ask().json()

    assert (reply["model"], reply["stand_in"], reply["note"]) == (B120, False, None)


def test_a_dry_run_has_the_same_shape_and_leaves_nothing(
    asker: Asker, provider: ScriptedProvider
) -> None:
    dry = asker.ask(task_type="code", dry_run=True)
    assert not provider.calls
    assert not RoutingDecision.objects.exists()
    assert not Reservation.objects.exists()
    assert not Window.objects.exclude(spent_nanos=0, reserved_nanos=0).exists()

    real = asker.ask(task_type="code")

    preview, reply = exact(dry), exact(real)
    assert set(preview) == set(reply)
    for name in ("model", "routing_reason", "estimated_cost", "quality_met", "decision"):
        assert preview[name] == reply[name]
    for name in ("id", "response", "finish_reason"):
        assert preview[name] is None
    assert preview["actual_cost"] == preview["tokens_used"] == 0
    assert preview["budget"]["left"] == 5
    assert dry["x-router-model"] == B70
    assert dry["x-router-cost"] == "0"
    assert "x-router-call-id" not in dry


def test_max_tokens_is_what_the_provider_is_sent(asker: Asker, provider: ScriptedProvider) -> None:
    reply = asker.ask(max_tokens=77).json()

    assert provider.calls[0].max_output_tokens == 77
    assert reply["decision"]["candidates"][0]["cap_tokens"] == 77
    assert reply["decision"]["clamp"] is None


def test_a_small_budget_shortens_the_answer_and_says_so(
    asker: Asker, provider: ScriptedProvider
) -> None:
    reply = asker.ask(budget=0.0009).json()

    clamp = reply["decision"]["clamp"]
    assert clamp["budget"] == "request"
    assert clamp["to_tokens"] == provider.calls[0].max_output_tokens < clamp["from_tokens"]


def test_the_prompt_goes_out_as_it_came(asker: Asker, provider: ScriptedProvider) -> None:
    prompt = " 日本語 👩‍👩‍👧 \u202e</script> \u2028 {{ x }}\r\n"

    asker.ask(prompt)

    assert provider.calls[0].messages == ({"role": "user", "content": prompt},)


def test_a_request_budget_that_is_too_small_says_what_would_fit(
    asker: Asker, provider: ScriptedProvider
) -> None:
    response = asker.ask(budget=0.000001)

    error = exact(response)["error"]
    assert response.status_code == 402
    assert response["x-should-retry"] == "false"
    assert error["code"] == "budget_exceeded"
    assert error["type"] == "budget_error"
    assert error["budget"] == "request"
    assert error["limit"] == error["available"] == Decimal("0.000001")
    assert error["spent"] == error["reserved"] == 0
    assert error["needed"] > error["available"]
    assert error["resets_at"] is None
    assert error["cheapest_model"] == B8
    assert error["affordable_max_tokens"] == 0
    assert not provider.calls
    # What it needs is what it takes.
    assert asker.ask(budget=float(error["needed"])).status_code == 200


def test_an_empty_month_names_itself_and_when_it_ends(
    asker: Asker, alice: User, provider: ScriptedProvider
) -> None:
    provider.enqueue(TextDelta("x"), Finished("stop", Usage(10, 2)))
    asker.ask()
    budget = Budget.objects.get()
    spent = Window.objects.get().spent_nanos
    set_limit(budget, limit_nanos=spent + 5, now=Window.objects.get().starts_at)

    error = exact(asker.ask())["error"]

    assert error["budget"] == "Monthly limit"
    assert error["limit"] == Decimal("0.000007485")
    assert error["spent"] == Decimal("0.00000748")
    assert error["available"] == Decimal("0.000000005")
    assert re.fullmatch(r"\d{4}-\d\d-01T00:00:00Z", error["resets_at"])
    assert error["message"].startswith("Monthly limit does not pay for an answer")


def test_following_a_refusals_advice_works(
    asker: Asker, alice: User, provider: ScriptedProvider
) -> None:
    # It pays for the input and some 400 tokens: too few for someone who asked for 100,000.
    refused = asker.ask(budget=0.00004, max_tokens=100_000)
    advice = refused.json()["error"]["affordable_max_tokens"]
    assert refused.status_code == 402
    assert advice > 0

    assert asker.ask(budget=0.00004, max_tokens=advice).status_code == 200


def test_no_model_of_the_quality_is_a_422_with_reasons(
    asker: Asker, provider: ScriptedProvider
) -> None:
    for row in LanguageModel.objects.filter(quality__gte=75):
        row.status = "off"
        row.save()

    refused = asker.ask(quality="high", allow_lower_quality=False)

    error = refused.json()["error"]
    assert refused.status_code == 422
    assert error["code"] == "no_candidate"
    assert error["reasons"][B70] == "switched off by an administrator"


def test_a_prompt_too_long_for_the_model_is_the_callers_matter(
    asker: Asker, provider: ScriptedProvider
) -> None:
    provider.default = (failing(FailureKind.TOO_LONG),)

    response = asker.ask(model=B8)

    error = response.json()["error"]
    assert response.status_code == 400
    assert (error["code"], error["param"]) == ("context_length_exceeded", "prompt")
    assert error["id"] and error["actual_cost"] == 0


FAILURES = [
    (FailureKind.SERVER, 502, "provider_failed"),
    (FailureKind.PROTOCOL, 502, "provider_failed"),
    (FailureKind.REJECTED, 502, "provider_failed"),
    (FailureKind.CREDENTIALS, 502, "provider_failed"),
    (FailureKind.OUT_OF_MONEY, 502, "provider_failed"),
    (FailureKind.CONNECT, 502, "provider_failed"),
    (FailureKind.OVERLOADED, 503, "provider_overloaded"),
    (FailureKind.TIMEOUT, 504, "provider_timeout"),
]
FIXED_TEXTS = {
    502: "The provider of the model could not give a whole answer.",
    503: "The models that could answer are overloaded. Try again in a moment.",
    504: "The model did not answer in time.",
}


@pytest.mark.parametrize(("kind", "status", "code"), FAILURES)
def test_a_provider_that_fails_is_told_in_our_words(
    kind: FailureKind, status: int, code: str, asker: Asker, provider: ScriptedProvider
) -> None:
    provider.default = (failing(kind),)

    response = asker.ask(model=B8)

    error = exact(response)["error"]
    assert response.status_code == status
    assert (error["type"], error["code"]) == ("provider_error", code)
    assert error["message"] == FIXED_TEXTS[status]
    assert "gsk" not in response.content.decode() and "10.0.0.7" not in response.content.decode()
    assert error["id"] == str(RoutingDecision.objects.get().pk)
    assert error["actual_cost"] == 0
    if status == 503:
        assert int(response["Retry-After"]) > 0


def test_a_failure_that_was_charged_says_how_much(asker: Asker, provider: ScriptedProvider) -> None:
    provider.enqueue(TextDelta("Once upon"), failing(FailureKind.BROKEN_STREAM, Billing.UNKNOWN))

    response = asker.ask()

    error = exact(response)["error"]
    assert response.status_code == 502
    assert error["actual_cost"] == Decimal(Call.objects.get().cost_nanos).scaleb(-9) > 0
    assert "Once upon" not in response.content.decode()


def test_a_second_attempt_is_shown_and_paid_for(asker: Asker, provider: ScriptedProvider) -> None:
    broken = ProviderFailure(
        FailureKind.REJECTED,
        "the provider does not take this request (HTTP 400)",
        billing=Billing.UNKNOWN,
        usage=Usage(10, 0),
    )
    provider.enqueue(broken, model=B70)

    response = asker.ask()

    reply = exact(response)
    attempts = reply["decision"]["attempts"]
    assert [item["model"] for item in attempts] == [B70, B120]
    assert [item["outcome"] for item in attempts] == ["failed", "answered"]
    # 10 in at $0.59; then 10 in at $0.15 and 2 out at $0.60.
    assert [item["cost"] for item in attempts] == [Decimal("0.0000059"), Decimal("0.0000027")]
    assert attempts[0]["failure"] == "the provider does not take this request (HTTP 400)"
    assert attempts[1]["failure"] is None
    assert reply["actual_cost"] == Decimal("0.0000086")
    assert response["x-router-cost"] == "0.0000086"
    assert reply["tokens_used"] == 12


def test_counted_usage_says_so(asker: Asker, provider: ScriptedProvider) -> None:
    provider.enqueue(TextDelta("Some words here."), Finished("length", None))

    reply = asker.ask().json()

    assert reply["usage"]["source"] == UsageSource.COUNTED
    assert reply["finish_reason"] == "length"


def test_our_own_fault_is_a_500_that_says_nothing(
    asker: Asker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(request: Any) -> None:
        raise RuntimeError(f"while asking {request.prompt} with {SECRET}")

    monkeypatch.setattr("router_app.gateway.service.answer", broken)

    with caplog.at_level(logging.ERROR, logger="router_app.api.errors"):
        response = asker.ask("my secret prompt")

    assert response.status_code == 500
    assert response.json() == {
        "error": {
            "message": "Something broke on our side. It was logged.",
            "type": "server_error",
            "param": None,
            "code": "server_error",
        }
    }
    [record] = [item for item in caplog.records if item.name == "router_app.api.errors"]
    logged = json.loads(JsonFormatter().format(record))
    assert logged["exception"] == "RuntimeError"
    assert response["x-request-id"] in logged["message"]
    assert any("broken" in place for place in logged["where"])
    assert "secret prompt" not in str(logged) and "gsk" not in str(logged)


def test_an_account_closed_meanwhile_may_not(
    asker: Asker, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def remembered(text: str) -> Principal:
        return Principal(alice.pk, "alice")

    monkeypatch.setattr("router_app.gateway.keys.authenticate", remembered)
    User.objects.update(is_active=False)

    response = asker.ask()

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "permission_denied"

"""Whole answers: OpenAI's shape, and what is ours in it."""

import asyncio

import pytest

from router_app.gateway import service
from router_app.models import ApiKey, Call, RoutingDecision, User, Window
from router_app.money import usd_from_nanos
from router_app.providers.base import (
    Billing,
    FailureKind,
    Finished,
    ProviderFailure,
    ReasoningDelta,
    TextDelta,
    Usage,
)
from router_app.providers.scripted import Gate, ScriptedProvider
from tests.api.v1.calling import HELLO, Program, Response
from tests.gateway.books import assert_clean

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_answer_in_openais_shape(program: Program, provider: ScriptedProvider) -> None:
    usage = Usage(100, 20, cached_tokens=30, reasoning_tokens=5)
    provider.enqueue(TextDelta("It "), TextDelta("is."), Finished("length", usage))

    response = program.ask(max_tokens=20)

    body = response.json()
    decision, call = RoutingDecision.objects.get(), Call.objects.get()
    assert body["id"] == f"chatcmpl-{decision.pk.hex}"
    assert (body["object"], body["model"]) == ("chat.completion", "llama-3.3-70b-versatile")
    assert abs(body["created"] - decision.created_at.timestamp()) < 60
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "It is.", "refusal": None},
            "logprobs": None,
            "finish_reason": "length",
        }
    ]
    cost = usd_from_nanos(call.cost_nanos)
    assert body["usage"] == {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 5},
        "cost": cost,
    }
    assert response.headers["x-router-model"] == call.model.model_id
    assert response.headers["x-router-cost"] == f"{cost:f}"
    assert response.headers["x-router-call-id"] == str(call.pk)


def test_the_receipt(program: Program, alice: User, provider: ScriptedProvider) -> None:
    router = program.ask(model="auto:code:high").json()["router"]

    decision, call, window = RoutingDecision.objects.get(), Call.objects.get(), Window.objects.get()
    assert (decision.face, decision.user, decision.api_key) == ("v1", alice, ApiKey.objects.get())
    assert (router["id"], router["call_id"]) == (str(decision.pk), str(call.pk))
    assert router["reason"].startswith("Best quality match for code tasks within budget")
    assert (router["task_type"], router["quality"]) == ("code", "high")
    assert (router["provider"], router["stand_in"]) == ("demo", True)
    assert "in place of Llama 3.3 70B Versatile" in router["note"]
    assert router["estimated_cost"] == usd_from_nanos(call.estimated_nanos)
    assert router["actual_cost"] == usd_from_nanos(call.cost_nanos)
    assert (router["usage_source"], router["attempts"], router["clamp"]) == ("reported", 1, None)
    assert router["budget"] == {
        "tightest": "Monthly limit",
        "left": usd_from_nanos(window.free_nanos),
        "resets_at": router["budget"]["resets_at"],
    }
    assert router["budget"]["resets_at"].endswith("T00:00:00Z")


def test_someone_without_limits_has_nothing_left_to_tell(
    program: Program, alice: User, provider: ScriptedProvider
) -> None:
    alice.budgets.all().delete()
    User.objects.filter(pk=alice.pk).update(unlimited=True)

    router = program.ask().json()["router"]

    assert router["budget"] == {"tightest": None, "left": None, "resets_at": None}


def test_a_cap_that_the_budget_lowered_is_told(
    program: Program, provider: ScriptedProvider
) -> None:
    router = program.ask(router={"budget": 0.001}).json()["router"]

    assert router["clamp"]["budget"] == "request"
    assert router["clamp"]["to_tokens"] == provider.calls[0].max_output_tokens
    assert router["clamp"]["from_tokens"] > router["clamp"]["to_tokens"]


@pytest.mark.parametrize(
    "hiding", [{"include_reasoning": False}, {"reasoning_format": "hidden"}], ids=str
)
def test_thinking_is_told_unless_it_is_not_wanted(
    hiding: dict[str, object], program: Program, provider: ScriptedProvider
) -> None:
    provider.default = (ReasoningDelta("Hm."), TextDelta("Yes."), Finished("stop", Usage(9, 5)))

    told = program.ask().json()["choices"][0]["message"]
    hidden = program.ask(**hiding).json()["choices"][0]["message"]

    assert (told["content"], told["reasoning"]) == ("Yes.", "Hm.")
    assert "reasoning" not in hidden


def test_an_answer_that_broke_is_an_error_that_says_what_it_cost(
    program: Program, provider: ScriptedProvider
) -> None:
    cut = ProviderFailure(FailureKind.BROKEN_STREAM, "cut", billing=Billing.UNKNOWN)
    provider.enqueue(TextDelta("It "), cut)

    response = program.ask()

    assert (response.status, response.error["code"]) == (502, "provider_failed")
    assert response.error["id"] == str(RoutingDecision.objects.get().pk)
    assert response.error["actual_cost"] == usd_from_nanos(Call.objects.get().cost_nanos) > 0
    assert b"It " not in response.content
    assert_clean()


def test_an_answer_that_was_stopped_elsewhere_is_a_short_one(
    program: Program, alice: User, provider: ScriptedProvider
) -> None:
    provider.enqueue(TextDelta("It "), Gate(), Finished("stop", Usage(9, 5)))

    async def run() -> Response:
        connection = program.connection({"model": "auto", "messages": HELLO})
        running = asyncio.create_task(connection.run())
        await provider.arrived(1)
        pk = await RoutingDecision.objects.values_list("pk", flat=True).aget()
        while not await service.stop(pk, user_id=alice.pk):
            await asyncio.sleep(0.01)
        return await running

    response = asyncio.run(run())

    assert response.status == 200
    assert response.json()["choices"][0]["finish_reason"] == "length"
    assert Call.objects.get().outcome == "stopped"

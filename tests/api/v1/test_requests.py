"""Bodies: what clients send is taken, what cannot be honoured is refused by name."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from router_app.api.v1.errors import as_v1
from router_app.api.v1.messages import MOST_MESSAGES
from router_app.api.v1.reading import read_chat
from router_app.api.v1.routed import route_request
from router_app.errors import RouterError
from router_app.gateway.keys import Principal
from router_app.models import Reservation, RoutingDecision
from router_app.providers.scripted import ScriptedProvider
from tests.api.v1.calling import HELLO, Program

in_the_database = pytest.mark.django_db(transaction=True)

CALLER = Principal(1, "alice", 1)
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
SCHEMA = {"name": "s", "schema": {"type": "object"}, "strict": True}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ADVICE = "is not supported here"


@dataclass(frozen=True)
class Case:
    """Members added to a good body, and which of them is refused."""

    members: Any
    param: str | None
    says: str = ""
    status: int = 400
    code: str = "invalid_request_error"

    @property
    def raw(self) -> bytes:
        return json.dumps({"model": "auto", "messages": HELLO, **self.members}).encode()

    def __str__(self) -> str:
        return json.dumps(self.members)[:70]


def wrong(param: str | None, says: str = "", **members: Any) -> Case:
    return Case(members, param, says)


def unsupported(param: str, says: str = ADVICE, **members: Any) -> Case:
    return Case(members, param, says, code="unsupported_parameter")


def said(param: str, *messages: Any, says: str = "") -> Case:
    return Case({"messages": list(messages)}, param, says)


def part(param: str, content: Any, says: str = "") -> Case:
    return said(f"messages.0.content{param}", {"role": "user", "content": content}, says=says)


def no_part(*parts: Any, role: str = "user", says: str = "") -> Case:
    members = {"messages": [{"role": role, "content": list(parts)}]}
    return Case(members, "messages.0.content.0", says, code="unsupported_parameter")


REFUSED = [
    wrong("model", model=None),
    wrong("model", model=""),
    wrong("model", model=3),
    wrong("model", model="m" * 161),
    wrong("model", model="a\x00b"),
    Case({"model": "auto:poem"}, "model", "auto:code:high", 404, "model_not_found"),
    Case({"model": "auto:"}, "model", status=404, code="model_not_found"),
    Case({"model": "auto:code:code"}, "model", status=404, code="model_not_found"),
    wrong("surprise", "is not a field", surprise=1),
    wrong("best_of", best_of=2),
    # The conversation
    wrong("messages", messages=None),
    wrong("messages", messages=[]),
    wrong("messages", messages="Hello"),
    wrong("messages", messages=[{"role": "user", "content": "x"}] * (MOST_MESSAGES + 1)),
    said("messages.0", "Hello"),
    said("messages.0", {"content": "x"}, says="role"),
    said("messages.0", {"role": "function", "name": "f", "content": "x"}, says="role"),
    said("messages.0.content", {"role": "user"}, says="required"),
    said("messages.0.content", {"role": "user", "content": None}),
    said("messages.0.content", {"role": "user", "content": 3}),
    said("messages.0.content", {"role": "user", "content": []}),
    said("messages.0.content", {"role": "user", "content": "a\x00b"}, says="NUL"),
    said("messages.0.surprise", {"role": "user", "content": "x", "surprise": 1}),
    said("messages.1.content", *HELLO, {"role": "assistant"}, says="tool calls"),
    said("messages.1.content", *HELLO, {"role": "assistant", "tool_calls": []}),
    said("messages.0.tool_call_id", {"role": "tool", "content": "x"}),
    said("messages", {"role": "user", "content": "x" * 2_000_001}, says="2,000,000"),
    no_part({"type": "input_audio", "input_audio": {}}, says="'text' or 'image_url'"),
    no_part({"type": "file", "file": {}}),
    no_part("Hello"),
    no_part({"type": "image_url", "image_url": {"url": PIXEL}}, role="system"),
    part(".0.text", [{"type": "text"}]),
    part(".0.image_url", [{"type": "image_url"}]),
    part(".0.image_url.url", [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}]),
    part(".0.image_url.url", [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]),
    part(".0.image_url.url", [{"type": "image_url", "image_url": {"url": "https://"}}]),
    part(".0.image_url.url", [{"type": "image_url", "image_url": {"url": "https://a b/"}}]),
    part(
        ".0.image_url.url",
        [{"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,AAAA"}}],
        "PNG",
    ),
    part(
        ".0.image_url.url",
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64,=?"}}],
        "base64",
    ),
    part(
        ".0.image_url.detail", [{"type": "image_url", "image_url": {"url": PIXEL, "detail": "x"}}]
    ),
    said(
        "messages",
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}] * 33},
        says="32 images",
    ),
    # Numbers
    wrong("temperature", temperature=2.1),
    wrong("temperature", temperature=-0.1),
    wrong("temperature", temperature="1"),
    wrong("temperature", temperature=True),
    wrong("top_p", top_p=1.5),
    wrong("seed", seed=2**63),
    wrong("seed", seed=1.5),
    wrong("max_tokens", max_tokens=0),
    wrong("max_tokens", max_tokens=1_000_001),
    wrong("max_tokens", max_tokens=1.0),
    wrong("max_completion_tokens", max_completion_tokens=-1),
    wrong("max_tokens", "something else", max_tokens=5, max_completion_tokens=6),
    wrong("stop", stop=3),
    wrong("stop", stop=["a"] * 5),
    wrong("stop", stop=""),
    wrong("stop.0", stop=[None]),
    wrong("user", user="u" * 257),
    wrong("stream", stream="yes"),
    wrong("stream", stream=1),
    wrong("stream_options.surprise", stream_options={"surprise": True}),
    wrong("reasoning_effort", reasoning_effort="extreme"),
    wrong("reasoning_format", reasoning_format="raw"),
    wrong("metadata.a", metadata={"a": 1}),
    wrong("metadata", metadata={str(number): "" for number in range(17)}),
    # Tools and forms
    wrong("tools", tools=[TOOL] * 129),
    wrong("tools.0.type", tools=[{"type": "custom", "custom": {"name": "x"}}]),
    wrong("tools.0.function.name", tools=[{"type": "function", "function": {"name": "a b"}}]),
    wrong("tool_choice", "tools", tool_choice="required"),
    wrong("tool_choice", "tools", tools=[], tool_choice="required"),
    wrong("tool_choice", tools=[TOOL], tool_choice="maybe"),
    wrong(
        "tool_choice",
        tools=[TOOL],
        tool_choice={"type": "function", "function": {"name": "g"}},
    ),
    wrong("tool_choice.type", tools=[TOOL], tool_choice={"type": "allowed_tools"}),
    wrong("response_format", response_format={"type": "xml"}),
    wrong("response_format", response_format="json_object"),
    wrong("response_format.json_schema", response_format={"type": "json_schema"}),
    # The router
    wrong("router.surprise", router={"surprise": 1}),
    wrong("router.task_type", router={"task_type": "poem"}),
    wrong("router.quality", router={"quality": "best"}),
    wrong("router.budget", router={"budget": "0.01"}),
    wrong("router.budget", router={"budget": 0}),
    wrong("router.budget", router={"budget": 1_000_001}),
    wrong("router.dry_run", router={"dry_run": "yes"}),
    wrong("router", router=[]),
    wrong("router.task_type", model="auto:code", router={"task_type": "email"}),
    wrong("router.quality", model="auto:high", router={"quality": "low"}),
    # What no provider here supports
    unsupported("n", n=2),
    unsupported("n", n=0),
    unsupported("n", n=True),
    unsupported("n", n=1.5),
    unsupported("logprobs", logprobs=True),
    unsupported("top_logprobs", top_logprobs=5),
    unsupported("frequency_penalty", frequency_penalty=0.5),
    unsupported("presence_penalty", presence_penalty=-1),
    unsupported("logit_bias", logit_bias={"50256": -100}),
    unsupported("store", store=True),
    unsupported("service_tier", service_tier="flex"),
    unsupported("modalities", modalities=["text", "audio"]),
    unsupported("verbosity", verbosity="low"),
    unsupported("functions", "'tools'", functions=[{"name": "f"}]),
    unsupported("function_call", "'tools'", function_call="auto"),
    unsupported("audio", audio={"voice": "x"}),
    unsupported("prediction", prediction={"type": "content", "content": "x"}),
    unsupported("web_search_options", web_search_options={}),
    unsupported("documents", documents=[]),
    unsupported(
        "stream_options.include_obfuscation",
        stream=True,
        stream_options={"include_obfuscation": True},
    ),
]


def refusal(raw: bytes) -> RouterError:
    """What a body is answered before anything is looked up."""
    with pytest.raises(RouterError) as raised:
        route_request(read_chat(raw), CALLER)
    return as_v1(raised.value)


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_what_is_refused(case: Case) -> None:
    error = refusal(case.raw)

    found = (error.status, error.param, error.code)
    assert found == (case.status, case.param, case.code)
    assert case.says in error.message


@in_the_database
def test_what_is_refused_costs_nothing(program: Program, provider: ScriptedProvider) -> None:
    unknown = Case({"model": "nobody/nothing"}, "model", status=404, code="model_not_found")

    for case in [*REFUSED, unknown]:
        response = program.post(raw=case.raw)

        assert response.status == case.status, case
        assert response.error["param"] == case.param
        assert response.error["code"] == case.code
    assert not provider.calls
    assert not RoutingDecision.objects.exists()
    assert not Reservation.objects.exists()


RAW = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"Hello"',
    b'{"model": "auto", "messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
    b'{"model": "auto", "messages": [{"role": "user", "content": "x"}], "temperature": Infinity}',
    b'{"model": "auto", "messages": [{"role": "user", "content": "x"}], "temperature": 1e999}',
    b'{"model": "auto", "messages": [{"role": "user", "content": "\xff"}]}',
    b'{"model": "auto", "messages": [{"role": "user", "content": "\\ud83d"}]}',
    b'\xef\xbb\xbf{"model": "auto", "messages": [{"role": "user", "content": "x"}]}',
    b'{"model": "auto", "messages": [{"role": "user", "content": "x"}]} x',
    b"{'model': 'auto'}",
    b"[" * 200_000,
    b'{"tools": ' + b'{"a":' * 50_000,
]


@pytest.mark.parametrize("raw", RAW, ids=lambda raw: raw[:40])
def test_what_is_no_request_at_all(raw: bytes) -> None:
    error = refusal(raw)

    assert (error.status, error.param, error.code) == (400, None, "invalid_request_error")


@pytest.mark.parametrize("member", ["tools", "response_format"])
def test_a_schema_without_end_is_refused(member: str) -> None:
    schema: dict[str, Any] = {}
    for _ in range(300):
        schema = {"a": [schema]}
    form = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    body = {"model": "auto", "messages": HELLO, member: tools if member == "tools" else form}

    assert refusal(json.dumps(body).encode()).param == member


NEUTRAL: dict[str, Any] = {
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "frequency_penalty": 0,
    "presence_penalty": 0.0,
    "logit_bias": {},
    "store": False,
    "service_tier": "auto",
    "modalities": ["text"],
    "verbosity": "medium",
    "metadata": {"a": "b"},
    "prompt_cache_key": "mine",
    "prompt_cache_retention": "24h",
    "safety_identifier": "someone",
    "parallel_tool_calls": True,
    "tools": [],
    "stop": [],
    "tool_choice": "auto",
    "response_format": {"type": "text"},
    "include_reasoning": True,
    "reasoning_format": "parsed",
    "stream": False,
    "stream_options": {"include_usage": True},
    "disable_tool_validation": False,
}
NULLS = (
    *NEUTRAL,
    *("temperature", "top_p", "seed", "stop", "user", "max_tokens", "max_completion_tokens"),
    *("reasoning_effort", "router", "functions", "function_call", "audio", "prediction"),
    *("moderation", "web_search_options", "search_settings", "documents", "citation_options"),
    *("compound_custom", "prompt_cache_options"),
)


@in_the_database
@pytest.mark.parametrize("members", [NEUTRAL, dict.fromkeys(NULLS)], ids=["neutral", "null"])
def test_what_says_nothing_is_taken_and_not_passed_on(
    members: dict[str, Any], program: Program, provider: ScriptedProvider
) -> None:
    response = program.ask(**members)

    assert response.status == 200
    assert provider.calls[0].extra == {}


@in_the_database
def test_nulls_in_the_router_are_taken(program: Program, provider: ScriptedProvider) -> None:
    members = ("task_type", "quality", "budget", "allow_lower_quality", "dry_run")

    assert program.ask(router=dict.fromkeys(members)).status == 200


@in_the_database
def test_what_the_provider_gets(program: Program, provider: ScriptedProvider) -> None:
    passed = {
        "temperature": 0.25,
        "top_p": 0.5,
        "seed": -7,
        "stop": ["\n", "END"],
        "user": "someone",
    }

    program.ask(**passed, max_completion_tokens=77, router={"budget": 0.01})

    call = provider.calls[0]
    assert dict(call.extra) == passed
    assert call.max_output_tokens == 77
    assert list(call.messages) == HELLO
    assert call.stream is False


@in_the_database
def test_tools_and_schemas_reach_the_provider(
    program: Program, provider: ScriptedProvider, able: None
) -> None:
    choice = {"type": "function", "function": {"name": "f"}}
    described = {**TOOL, "function": {**TOOL["function"], "description": None}}  # type: ignore[dict-item]
    form = {"type": "json_schema", "json_schema": SCHEMA}

    program.ask(tools=[described], tool_choice=choice, parallel_tool_calls=False)
    program.ask(response_format=form)
    program.ask(response_format={"type": "json_object"})

    assert [dict(call.extra) for call in provider.calls] == [
        {"tools": [TOOL], "tool_choice": choice, "parallel_tool_calls": False},
        {"response_format": form},
        {"response_format": {"type": "json_object"}},
    ]


@in_the_database
def test_a_conversation_reaches_the_provider_cleaned(
    program: Program, provider: ScriptedProvider, able: None
) -> None:
    """As a client sends back what it was answered before."""
    image = {"type": "image_url", "image_url": {"url": PIXEL, "detail": None}}
    text = {"type": "text", "text": "What is this?"}
    program.post(
        {
            "model": "auto",
            "messages": [
                {"role": "developer", "content": "Be brief.", "name": "boss"},
                {"role": "user", "content": "Hello", "name": "alice"},
                {
                    "role": "assistant",
                    "content": None,
                    "refusal": None,
                    "annotations": [],
                    "audio": None,
                    "function_call": None,
                    "reasoning": "Hm.",
                    "provider_specific_fields": {"refusal": None},
                    "name": "model",
                    "tool_calls": [{**CALL, "index": 0}],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "22 °C", "name": "f"},
                {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
                {"role": "assistant", "content": "It is warm.", "tool_calls": None},
                {"role": "assistant", "content": ""},
                {"role": "user", "content": [text, image]},
            ],
        }
    )

    assert list(provider.calls[0].messages) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "22 °C"},
        {"role": "assistant", "content": [{"type": "text", "text": "No."}]},
        {"role": "assistant", "content": "It is warm."},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": [text, {"type": "image_url", "image_url": {"url": PIXEL}}]},
    ]


@pytest.mark.parametrize(
    ("model", "router", "task", "quality"),
    [
        ("auto", {}, "general", "medium"),
        ("auto:code", {}, "code", "medium"),
        ("auto:high", {}, "general", "high"),
        ("auto:code:high", {}, "code", "high"),
        ("auto:low:summarize", {}, "summarize", "low"),
        ("auto", {"task_type": "email", "quality": "low"}, "email", "low"),
        ("auto:email", {"task_type": "email", "quality": "high"}, "email", "high"),
        ("openai/gpt-oss-20b", {"task_type": "code", "quality": "low"}, "code", "low"),
    ],
)
def test_the_router_is_told_by_the_models_name_or_its_own_field(
    model: str, router: dict[str, str], task: str, quality: str
) -> None:
    body = {"model": model, "messages": HELLO, "router": router}

    request = route_request(read_chat(json.dumps(body).encode()), CALLER)

    assert (request.task, request.quality) == (task, quality)
    assert request.model == (None if model.startswith("auto") else model)


def with_budget(digits: str) -> bytes:
    body = {"model": "auto", "messages": HELLO, "router": {"budget": 0.25}}
    return json.dumps(body).replace("0.25", digits).encode()


@pytest.mark.parametrize(
    ("digits", "nanos"),
    [
        ("0.010000001", 10_000_001),
        ("1e-2", 10_000_000),
        ("999999.999999999", 999_999_999_999_999),
        ("3", 3_000_000_000),
        ("0.1000000000000", 100_000_000),
    ],
)
def test_a_budget_is_read_to_the_nano_dollar(digits: str, nanos: int) -> None:
    assert route_request(read_chat(with_budget(digits)), CALLER).budget_nanos == nanos


@pytest.mark.parametrize("digits", ["0.0100000001", "1e-10", "1000000.000000001"])
def test_a_budget_finer_than_a_nano_dollar_is_refused(digits: str) -> None:
    assert refusal(with_budget(digits)).param == "router.budget"


@in_the_database
def test_a_dry_run_decides_and_calls_nobody(program: Program, provider: ScriptedProvider) -> None:
    router = {"dry_run": True, "task_type": "code"}

    whole = program.ask(router=router)
    stream = program.ask(router=router, stream=True, stream_options={"include_usage": True})

    body = whole.json()
    assert body["choices"] == []
    assert body["usage"]["cost"] == body["usage"]["total_tokens"] == 0
    assert body["router"]["model"] == body["model"] == whole.headers["x-router-model"]
    assert body["router"]["estimated_cost"] > 0
    assert body["router"]["id"] is body["router"]["call_id"] is None
    assert whole.headers["x-router-cost"] == "0"
    assert "x-router-call-id" not in whole.headers
    receipt, usage, done = stream.events
    assert (receipt["choices"], receipt["router"]) == ([], body["router"])
    assert usage["usage"]["cost"] == Decimal(0)
    assert done == "[DONE]"
    assert not provider.calls
    assert not RoutingDecision.objects.exists()

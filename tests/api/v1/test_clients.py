"""Real clients, unchanged but for base URL and key, against the product as it is run."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import groq
import httpx2
import openai
import pytest
from pydantic import BaseModel
from pytest_django.plugin import DjangoDbBlocker

from router_app.budgets.limits import create_starting_budget
from router_app.gateway.keys import create_key
from router_app.models import Call, LanguageModel, User
from tests.api.v1.upstream import ARGUMENTS, BREAKS, CALL, WAITS, Upstream
from tests.browser.server import Server

ASK = [{"role": "user", "content": "How warm is it?"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """The server is another process: there is nothing of this one to forget."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """Writes the answers."""
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def server(
    upstream: Upstream, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Server]:
    """The running product."""
    folder = tmp_path_factory.mktemp("served")
    url, unblock = upstream.url(), django_db_blocker.unblock
    with Server(folder, upstream_url=url, unblock=unblock) as server:
        server.rows(_all_can_do_all)
        yield server


def _all_can_do_all() -> None:
    for model in LanguageModel.objects.all():
        model.supports_tools = model.supports_vision = True
        model.supports_json_mode = model.supports_json_schema = True
        model.save()


@pytest.fixture(scope="module")
def key(server: Server) -> str:
    """A key of somebody with $5 a month."""
    return server.rows(_make_key)


def _make_key() -> str:
    user = User.objects.create_user("alice")
    create_starting_budget(user)
    return create_key(user=user, name="clients")[1]


@pytest.fixture
def sent() -> list[str]:
    """What the client sent: method and path of each request."""
    return []


@pytest.fixture
def client(server: Server, key: str, sent: list[str]) -> Iterator[openai.OpenAI]:
    """OpenAI's client; everything is as it comes but for base URL and key."""

    def note(request: httpx2.Request) -> None:
        sent.append(f"{request.method} {request.url.path}")

    http = openai.DefaultHttpxClient(event_hooks={"request": [note]})
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, http_client=http) as client:
        yield client


def test_a_whole_answer(client: openai.OpenAI, server: Server) -> None:
    raw = client.chat.completions.with_raw_response.create(model="auto", messages=ASK)

    answer: Any = raw.parse()
    assert answer.choices[0].message.content == "It is warm."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == 46
    assert answer.usage.cost > 0
    assert answer.router["model"] == answer.model == raw.headers["x-router-model"]
    assert raw.headers["x-router-cost"] == f"{answer.usage.cost:.9f}".rstrip("0")
    assert raw.headers["x-request-id"] == answer._request_id
    booked = server.rows(lambda: Call.objects.get(pk=raw.headers["x-router-call-id"]).cost_nanos)
    assert booked == round(answer.usage.cost * 1e9)


def test_a_stream(client: openai.OpenAI) -> None:
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    chunks: Any = list(client.chat.completions.create(model="auto", messages=ASK, **options))

    texts = [chunk.choices[0].delta.content or "" for chunk in chunks[:-1]]
    assert "".join(texts) == "It is warm."
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-2].router["quality_met"] is True
    assert chunks[-1].usage.total_tokens == 46
    assert chunks[-1].usage.cost > 0


def test_the_streaming_helper(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="auto:code", messages=ASK) as stream:
        whole = stream.get_final_completion()

    assert whole.choices[0].message.content == "It is warm."


@pytest.mark.parametrize("streams", [False, True])
def test_tools_there_and_back(streams: bool, client: openai.OpenAI, upstream: Upstream) -> None:
    messages: list[Any] = list(ASK)
    told: Any = {"model": "auto", "tools": [TOOL], "tool_choice": "auto"}
    if streams:
        with client.chat.completions.stream(messages=messages, **told) as stream:
            answer = stream.get_final_completion()
    else:
        answer = client.chat.completions.create(messages=messages, **told)
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert message.content is None
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.arguments == ARGUMENTS  # type: ignore[union-attr]

    messages += [message, {"role": "tool", "tool_call_id": "c1", "content": "22 degrees"}]
    answer = client.chat.completions.create(messages=messages, **told)

    assert answer.choices[0].message.content == "It is warm."
    called, gave = upstream.bodies[-1]["messages"][1:]
    assert called["tool_calls"] == [CALL]
    assert gave == {"role": "tool", "tool_call_id": "c1", "content": "22 degrees"}


class Weather(BaseModel):
    city: str
    degrees: int


def test_an_answer_that_fits_a_schema(client: openai.OpenAI, upstream: Upstream) -> None:
    parsed = client.chat.completions.parse(model="auto", messages=ASK, response_format=Weather)
    with client.chat.completions.stream(
        model="auto", messages=ASK, response_format=Weather
    ) as stream:
        streamed = stream.get_final_completion()

    assert parsed.choices[0].message.parsed == Weather(city="Cairo", degrees=22)
    assert streamed.choices[0].message.parsed == Weather(city="Cairo", degrees=22)
    assert upstream.bodies[-1]["response_format"]["json_schema"]["strict"] is True


def test_an_image(client: openai.OpenAI, upstream: Upstream) -> None:
    parts: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
    ]

    answer = client.chat.completions.create(
        model="auto", messages=[{"role": "user", "content": parts}]
    )

    assert answer.choices[0].message.content == "It is warm."
    assert upstream.bodies[-1]["messages"][0]["content"] == parts


def test_the_router_is_told_by_extra_body(client: openai.OpenAI) -> None:
    router = {"task_type": "code", "quality": "low", "dry_run": True}
    answer: Any = client.chat.completions.create(
        model="auto", messages=ASK, extra_body={"router": router}
    )

    assert answer.choices == []
    assert (answer.router["task_type"], answer.router["quality"]) == ("code", "low")
    assert answer.router["reason"]


def test_the_async_client(server: Server, key: str) -> None:
    async def ask() -> tuple[str, str]:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=key) as client:
            made = client.chat.completions.create
            whole, stream = await asyncio.gather(
                made(model="auto", messages=ASK),  # type: ignore[arg-type]
                made(model="auto", messages=ASK, stream=True),  # type: ignore[call-overload]
            )
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
            return str(whole.choices[0].message.content), "".join(pieces)

    assert asyncio.run(ask()) == ("It is warm.", "It is warm.")


def test_models(client: openai.OpenAI, sent: list[str]) -> None:
    listed: Any = list(client.models.list())
    ids = [model.id for model in listed]
    one: Any = client.models.retrieve("openai/gpt-oss-20b")
    auto = client.models.retrieve("auto:code")

    assert {"auto", "auto:code", "auto:high", "openai/gpt-oss-20b"} <= set(ids)
    assert one in listed
    assert one.pricing["prompt"] == "0.000000075"
    assert one.context_window == 131_072
    assert auto.owned_by == "budget-router"
    assert sent[1] == "GET /v1/models/openai/gpt-oss-20b"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody/nothing")


def test_a_wrong_key(client: openai.OpenAI, sent: list[str]) -> None:
    with pytest.raises(openai.AuthenticationError) as raised:
        client.with_options(api_key="sk-wrong").chat.completions.create(model="auto", messages=ASK)

    assert raised.value.code == "invalid_api_key"
    assert len(sent) == 1


def test_a_wrong_key_with_a_large_body_is_told_the_same(client: openai.OpenAI) -> None:
    large: Any = [{"role": "user", "content": "x" * 3_000_000}]

    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="sk-wrong", max_retries=0).chat.completions.create(
            model="auto", messages=large
        )


def test_a_body_that_is_too_large_is_told_so(client: openai.OpenAI) -> None:
    large: Any = [{"role": "user", "content": "x" * 9_000_000}]

    with pytest.raises(openai.APIStatusError) as raised:
        client.with_options(max_retries=0).chat.completions.create(model="auto", messages=large)

    assert raised.value.status_code == 413


@pytest.mark.parametrize("streams", [False, True])
def test_a_refused_budget_is_asked_once(
    streams: bool, client: openai.OpenAI, sent: list[str], upstream: Upstream
) -> None:
    before = len(upstream.received)

    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(
            model="auto",
            messages=ASK,
            stream=streams,
            extra_body={"router": {"budget": 0.000001}},
        )

    error = raised.value
    assert (error.status_code, error.code, error.type) == (402, "budget_exceeded", "budget_error")
    assert "does not pay for an answer" in error.message
    assert sent == ["POST /v1/chat/completions"]
    assert len(upstream.received) == before


def test_what_is_wrong_is_named(client: openai.OpenAI, sent: list[str]) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="auto", messages=ASK, n=2)
    assert (raised.value.param, raised.value.code) == ("n", "unsupported_parameter")

    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-4o", messages=ASK)
    assert (missing.value.param, missing.value.code) == ("model", "model_not_found")
    assert len(sent) == 2


def test_a_stream_that_breaks_raises(client: openai.OpenAI) -> None:
    broken: Any = [{"role": "user", "content": BREAKS}]
    stream = client.chat.completions.create(model="auto", messages=broken, stream=True)

    heard = []
    with pytest.raises(openai.APIError) as raised:
        for chunk in stream:
            heard.append(chunk.choices[0].delta.content)

    assert "".join(filter(None, heard)) == "It "
    assert raised.value.code == "provider_failed"
    assert "SECRET" not in str(raised.value.body)


def test_a_provider_that_fails_is_a_status(client: openai.OpenAI) -> None:
    broken: Any = [{"role": "user", "content": BREAKS}]

    with pytest.raises(openai.InternalServerError) as raised:
        client.with_options(max_retries=0).chat.completions.create(
            model="llama-3.1-8b-instant", messages=broken
        )

    assert raised.value.status_code in (502, 503)
    assert "SECRET" not in str(raised.value.body)


def test_closing_a_stream_ends_the_call(
    client: openai.OpenAI, upstream: Upstream, server: Server
) -> None:
    waits: Any = [{"role": "user", "content": WAITS}]
    before = len(upstream.left_early)
    with client.chat.completions.create(model="auto", messages=waits, stream=True) as stream:
        first = [next(stream), next(stream)]
    upstream.wait_until(lambda: len(upstream.left_early) > before)

    pk = first[0].id.removeprefix("chatcmpl-")
    upstream.wait_until(
        lambda: server.rows(lambda: Call.objects.get(decision_id=pk).outcome) == "stopped"
    )


def test_groqs_client(server: Server, key: str, upstream: Upstream) -> None:
    with groq.Groq(base_url=server.url, api_key=key) as client:
        whole: Any = client.chat.completions.create(
            model="openai/gpt-oss-20b", messages=ASK, include_reasoning=False
        )
        stream = client.chat.completions.create(model="auto", messages=ASK, stream=True)
        pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
        called = client.chat.completions.create(model="auto", messages=ASK, tools=[TOOL])
        models: Any = client.models.list()
        with pytest.raises(groq.APIStatusError) as raised:
            client.chat.completions.create(
                model="auto", messages=ASK, extra_body={"router": {"budget": 0.000001}}
            )

    assert whole.choices[0].message.content == "".join(pieces) == "It is warm."
    assert called.choices[0].message.tool_calls[0].function.name == "weather"  # type: ignore[index]
    assert "auto" in [model.id for model in models.data]
    assert raised.value.status_code == 402
    assert "include_reasoning" not in upstream.bodies[-3]


def test_curl_reads_a_stream(server: Server, key: str) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not here")
    body = json.dumps({"model": "auto", "messages": ASK, "stream": True})
    heard = subprocess.run(
        [curl, "-sN", f"{server.url}/v1/chat/completions", "-H", f"Authorization: Bearer {key}",
         "-H", "Content-Type: application/json", "-d", body],
        capture_output=True, text=True, check=True, timeout=30,
    ).stdout  # fmt: skip

    assert heard.endswith("data: [DONE]\n\n")

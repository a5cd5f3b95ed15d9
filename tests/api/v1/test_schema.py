"""The published schema is true of `/v1`: what is answered fits it, and it is as strict."""

import json
from typing import Any

import jsonschema_rs
import pytest

from router_app.api import urls  # noqa: F401  the document is whole once they are known
from router_app.api.docs import schema_text
from router_app.api.v1.requests import EXAMPLE
from router_app.providers.base import (
    Billing,
    FailureKind,
    Finished,
    ProviderFailure,
    ReasoningDelta,
    TextDelta,
    ToolCallsDelta,
    Usage,
)
from router_app.providers.scripted import ScriptedProvider
from tests.api.v1.calling import COMPLETIONS, HELLO, STRANGER, Program, Response

DOCUMENT: dict[str, Any] = json.loads(schema_text())
MODELS, MODEL = "/v1/models", "/v1/models/{model}"
CALL = b'[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}","x":1},"y":2}]'
PIECE = b'[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""},"y":2}]'


def shape(schema: dict[str, Any]) -> Any:
    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]})


def check(path: str, method: str, response: Response) -> None:
    """Raises where the status or the body is not in the schema."""
    content = DOCUMENT["paths"][path][method]["responses"][str(response.status)]["content"]
    schema = content[response.headers["content-type"]]["schema"]
    if response.headers["content-type"] == "application/json":
        shape(schema).validate(json.loads(response.content))
        return
    for event in response.content.decode().split("\n\n"):
        if event and event != "data: [DONE]":
            shape(schema).validate(json.loads(event.removeprefix("data: ")))


def broken(kind: FailureKind) -> ProviderFailure:
    return ProviderFailure(kind, "in our words", billing=Billing.NOT_BILLED)


@pytest.mark.django_db(transaction=True)
def test_what_is_answered_fits_the_schema(
    program: Program, provider: ScriptedProvider, able: None
) -> None:
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    answers = [
        program.ask(),
        program.ask(**usage),
        program.ask(router={"dry_run": True}),
        program.ask(router={"dry_run": True}, **usage),
        program.ask(max_tokens=60, router={"budget": 0.0004}, model="auto:high"),
        program.ask(router={"budget": 0.000001}),
        program.ask(n=2),
        program.ask(model="nobody"),
        program.post({}, content_type="text/plain"),
        program.post({}, content_length=str(10**9)),
        STRANGER.post({}),
    ]
    end = Finished("tool_calls", Usage(10, 5, cached_tokens=3, reasoning_tokens=2))
    provider.enqueue(ReasoningDelta("Hm."), ToolCallsDelta(CALL), end)
    answers.append(program.ask())
    provider.enqueue(ReasoningDelta("Hm."), ToolCallsDelta(PIECE), TextDelta("So."), end)
    answers.append(program.ask(**usage))
    for kind in (FailureKind.SERVER, FailureKind.OVERLOADED, FailureKind.TIMEOUT):
        provider.default = (broken(kind),)
        answers.append(program.ask(model="openai/gpt-oss-20b"))

    for answer in answers:
        check(COMPLETIONS, "post", answer)
    statuses = {answer.status for answer in answers}
    assert statuses >= {200, 400, 401, 402, 404, 413, 415, 502}
    check(MODELS, "get", program.get("/v1/models"))
    check(MODEL, "get", program.get("/v1/models/openai/gpt-oss-20b"))
    check(MODEL, "get", program.get("/v1/models/auto:low"))
    check(MODEL, "get", program.get("/v1/models/nobody"))
    check(MODELS, "get", STRANGER.get("/v1/models"))


@pytest.mark.django_db(transaction=True)
def test_tool_calls_are_told_without_what_is_the_providers_own(
    program: Program, provider: ScriptedProvider
) -> None:
    provider.enqueue(ToolCallsDelta(CALL), Finished("tool_calls", Usage(10, 5)))
    provider.enqueue(ToolCallsDelta(PIECE), Finished("tool_calls", Usage(10, 5)))

    whole = program.ask().json()["choices"][0]["message"]
    first, piece, *_ = program.ask(stream=True).events

    function = {"name": "f", "arguments": "{}"}
    assert whole["tool_calls"] == [{"id": "c1", "type": "function", "function": function}]
    assert whole["content"] is first["choices"][0]["delta"]["content"] is None
    assert set(piece["choices"][0]["delta"]["tool_calls"][0]) == {"index", "id", "type", "function"}


@pytest.mark.django_db(transaction=True)
def test_the_schemas_example_works(program: Program, catalog: None) -> None:
    assert program.post(EXAMPLE).status == 200


def test_the_body_is_described_as_strictly_as_it_is_read() -> None:
    fits = shape(DOCUMENT["components"]["schemas"]["ChatBody"]).is_valid

    body = {"model": "auto", "messages": HELLO}
    assert fits(body)
    assert fits({**body, "n": 1, "frequency_penalty": 0, "logit_bias": {}, "functions": None})
    assert not fits({**body, "surprise": 1})
    assert not fits({**body, "n": 2})
    assert not fits({**body, "functions": []})
    assert not fits({**body, "temperature": 3})
    assert not fits({**body, "messages": [{"role": "function", "content": "x"}]})
    assert not fits({**body, "router": {"budget": "1"}})


def test_every_name_in_the_schema_is_there() -> None:
    references = json.dumps(DOCUMENT).split('"$ref": "#/components/schemas/')[1:]
    names = {reference.partition('"')[0] for reference in references}

    assert names <= set(DOCUMENT["components"]["schemas"])
    assert "$defs" not in schema_text()

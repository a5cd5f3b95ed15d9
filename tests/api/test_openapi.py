"""The schema is true: what is really answered fits it, and what it forbids is really refused."""

import json
from typing import Any

import jsonschema_rs
import pytest

from router_app.api.requests import EXAMPLE
from router_app.providers.base import FailureKind
from router_app.providers.scripted import ScriptedProvider
from tests.api.conftest import CLIENT, Asker
from tests.api.test_route import failing

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = CLIENT.get("/openapi.json").json()
    return loaded


def check(document: dict[str, Any], path: str, method: str, response: Any) -> None:
    """Raises where the response's status or body is not in the schema."""
    operation = document["paths"][path][method]
    content = operation["responses"][str(response.status_code)]["content"]["application/json"]
    schema = {**content["schema"], "components": document["components"]}
    jsonschema_rs.validator_for(schema).validate(json.loads(response.content))


def test_what_is_answered_fits_the_schema(
    asker: Asker, provider: ScriptedProvider, document: dict[str, Any]
) -> None:
    answers = [
        asker.ask(),
        asker.ask(dry_run=True),
        asker.ask(budget=0.0009),
        asker.ask(budget=0.000001),
        asker.ask(budget="1"),
        asker.ask(model="nobody"),
        asker.post(raw=b"{}", content_type="text/plain"),
        asker.post(raw=b" " * 3_000_000),
        Asker("wrong").ask(),
    ]
    provider.enqueue(failing(FailureKind.REJECTED))
    answers.append(asker.ask())
    for kind in (FailureKind.SERVER, FailureKind.OVERLOADED, FailureKind.TIMEOUT):
        provider.default = (failing(kind),)
        answers.append(asker.ask(model="openai/gpt-oss-20b"))

    for answer in answers:
        check(document, "/route", "post", answer)
    statuses = {answer.status_code for answer in answers}
    assert {200, 400, 401, 402, 413, 415, 502} <= statuses
    check(document, "/stats", "get", asker.get("/stats"))
    check(document, "/stats", "get", asker.get("/stats?period=x"))
    check(document, "/health", "get", asker.get("/health"))
    check(document, "/ready", "get", asker.get("/ready"))


def test_the_schemas_example_works(asker: Asker) -> None:
    assert asker.post(EXAMPLE).status_code == 200


def test_the_body_is_described_as_strictly_as_it_is_read(document: dict[str, Any]) -> None:
    body = document["components"]["schemas"]["RouteBody"]

    assert body["additionalProperties"] is False
    assert body["required"] == ["prompt", "budget"]
    prompt, budget = body["properties"]["prompt"], body["properties"]["budget"]
    assert (prompt["minLength"], prompt["maxLength"]) == (1, 100_000)
    assert (budget["type"], budget["exclusiveMinimum"], budget["maximum"]) == (
        "number",
        0,
        1_000_000,
    )


def test_the_schema_is_openapi_31(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    methods = {path: list(named) for path, named in document["paths"].items()}
    gets = ("/stats", "/health", "/ready", "/v1/models", "/v1/models/{model}")
    posts = ("/route", "/v1/chat/completions")
    assert methods == {path: ["get"] for path in gets} | {path: ["post"] for path in posts}
    identifiers = [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    ]
    assert len(set(identifiers)) == 7

"""Whatever fits the schema of `/v1`, and much that does not, gets an answer it foretold."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi import checks

from budgetrouter.asgi import application
from router_app.providers.scripted import ScriptedProvider

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

EXAMPLES = 80
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
OPERATIONS = [
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{model}"),
]


async def served(scope: Any, receive: Any, send: Any) -> None:
    """The application as a server has it that neither starts nor ends: each call here would."""
    if scope["type"] != "lifespan":
        await application(scope, receive, send)
        return
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_foretold(
    method: str,
    path: str,
    mode: GenerationMode,
    key: str,
    provider: ScriptedProvider,
    able: None,
) -> None:
    operation = schemathesis.openapi.from_asgi("/openapi.json", served)[path][method]

    @given(operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case) -> None:
        if mode == GenerationMode.POSITIVE and isinstance(case.body, dict):
            case.body["model"] = "auto"  # nobody has a model of a name that was made up
        case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {key}"})

    ask()

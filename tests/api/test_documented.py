"""What is undocumented fails: endpoints, fields, headers and codes stand in docs/api.md."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router_app.api import errors as api_errors
from router_app.api.docs import schema_text
from router_app.api.errors import body_of
from router_app.api.urls import _own
from router_app.errors import RouterError
from router_app.routing.decision import Route

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "api.md").read_text()


def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(schema_text())
    return loaded


def error_classes(base: type[RouterError] = RouterError) -> Iterator[type[RouterError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from error_classes(kind)


@pytest.mark.parametrize("pattern", _own, ids=str)
def test_every_endpoint_is_documented(pattern: Any) -> None:
    assert f"| `/{pattern.pattern}` |" in DOCS


def test_every_endpoint_that_asks_who_it_is_says_so_in_the_schema() -> None:
    for path, methods in schema()["paths"].items():
        for operation in methods.values():
            asks = {name for way in operation.get("security", []) for name in way}
            assert asks == (set() if path in ("/health", "/ready") else {"ApiKey", "Session"})


def test_every_field_of_every_model_is_documented() -> None:
    models = schema()["components"]["schemas"]
    fields = {
        (model, name) for model, shape in models.items() for name in shape.get("properties", {})
    }
    assert len(fields) > 60

    missing = [field for field in fields if f"`{field[1]}`" not in DOCS and field[1] != "error"]
    assert not missing


def test_every_word_a_caller_may_send_is_documented() -> None:
    for shape in schema()["components"]["schemas"].values():
        for word in shape.get("enum", []):
            assert f"`{word}`" in DOCS


@pytest.mark.parametrize("kind", list(error_classes()), ids=lambda kind: kind.__name__)
def test_every_error_is_in_the_table(kind: type[RouterError]) -> None:
    if kind.__name__ != "ProviderError":
        assert f"| {kind.status} | `{kind.code}` | `{kind.type}` |" in DOCS


def test_every_code_given_by_hand_is_in_the_table() -> None:
    folders = (ROOT / "router_app" / name for name in ("gateway", "api"))
    sources = "\n".join(path.read_text() for at in folders for path in at.rglob("*.py"))
    raised = re.findall(r'InvalidRequest\([^)]*code="(\w+)"', sources)

    assert "model_not_found" in raised
    assert all(f"`{code}`" in DOCS for code in raised)


def test_every_status_of_the_table_is_in_the_schema() -> None:
    documented = set(re.findall(r"^\| (\d{3}) \|", DOCS, re.MULTILINE))
    answered = set(schema()["paths"]["/route"]["post"]["responses"])

    # 404 and 405 belong to addresses, not to operations.
    assert documented - {"404", "405"} == answered - {"200"}


@pytest.mark.parametrize(
    "header",
    ["x-request-id", "x-router-model", "x-router-cost", "x-router-call-id", "x-should-retry"],
)
def test_every_header_is_documented(header: str) -> None:
    assert f"`{header}" in DOCS


@pytest.mark.parametrize("route", [route for route in Route if route != Route.REFUSED])
def test_every_rule_that_chooses_is_documented(route: Route) -> None:
    assert f"`{route}` (" in DOCS


def test_errors_known_only_to_http_have_the_common_shape() -> None:
    for error in (
        api_errors.NotFound(),
        api_errors.MethodNotAllowed(["GET"]),
        api_errors.BodyTooLarge(),
        api_errors.UnsupportedMediaType(),
        api_errors.Unexpected(),
    ):
        assert set(body_of(error)["error"]) == {"message", "type", "param", "code"}

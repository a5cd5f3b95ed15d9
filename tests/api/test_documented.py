"""What is undocumented fails: endpoints, fields, headers and codes stand in docs/api*.md."""

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
from router_app.api.v1.addresses import COMPLETIONS, MODEL, MODELS, is_v1
from router_app.errors import RouterError
from router_app.routing.decision import Route

ROOT = Path(__file__).parents[2]
V1_PATHS = (COMPLETIONS, MODELS, MODEL)
OWN, V1 = ((ROOT / "docs" / name).read_text() for name in ("api.md", "api-v1.md"))
DOCS = OWN + V1


def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(schema_text())
    return loaded


def error_classes(base: type[RouterError] = RouterError) -> Iterator[type[RouterError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from error_classes(kind)


def models_below(*paths: str) -> set[str]:
    """The schemas that these addresses refer to, and those that these refer to."""
    document = schema()
    found: set[str] = set()
    look: list[Any] = [document["paths"][path] for path in paths]
    while look:
        names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(look.pop()))) - found
        found |= names
        look += [document["components"]["schemas"][name] for name in names]
    return found


@pytest.mark.parametrize("path", V1_PATHS)
def test_every_endpoint_of_v1_is_documented(path: str) -> None:
    assert f"| `{path}` |" in V1


@pytest.mark.parametrize("pattern", _own, ids=str)
def test_every_endpoint_is_documented(pattern: Any) -> None:
    assert f"| `/{pattern.pattern}` |" in DOCS


def test_every_endpoint_that_asks_who_it_is_says_so_in_the_schema() -> None:
    for path, methods in schema()["paths"].items():
        for operation in methods.values():
            asks = {name for way in operation.get("security", []) for name in way}
            if path in ("/health", "/ready"):
                assert asks == set()
            else:
                assert asks == ({"ApiKey"} if is_v1(path) else {"ApiKey", "Session"})


def test_every_field_of_every_model_is_documented() -> None:
    models = schema()["components"]["schemas"]
    own, v1 = models_below("/route", "/stats", "/ready"), models_below(*map(str, V1_PATHS))
    assert own | v1 == models.keys() - {"HealthReply", "Period", "Whose"}

    for names, docs in ((own, OWN), (v1 - own, V1)):
        fields = {(name, field) for name in names for field in models[name].get("properties", {})}
        assert len(fields) > 60
        assert [each for each in fields if f"`{each[1]}`" not in docs and each[1] != "error"] == []


def test_every_word_a_caller_may_send_is_documented() -> None:
    for name, shape in schema()["components"]["schemas"].items():
        for word in shape.get("enum", []):
            assert f"`{word}`" in DOCS, name
        for field, member in shape.get("properties", {}).items():
            for words in re.findall(r'"enum": \[(.*?)\]', json.dumps(member)):
                for word in re.findall(r'"(\w+)"', words):
                    assert f"`{word}`" in DOCS or f'`["{word}"]`' in DOCS, (name, field)


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
    documented = set(re.findall(r"^\| (\d{3}) \|", OWN, re.MULTILINE))
    paths = schema()["paths"]
    answered = {path: set(paths[path]["post"]["responses"]) for path in ("/route", COMPLETIONS)}

    # 404 and 405 belong to addresses; at /v1 a model that is not there is a 404 too.
    assert documented - {"404", "405"} == answered["/route"] - {"200"}
    assert documented - {"405"} == answered[COMPLETIONS] - {"200"}


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

"""What is undocumented fails: variables, endpoints, error codes, commands, make targets, links."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands

from budgetrouter.serving.install import ROOT
from router_app.api.urls import urlpatterns
from router_app.errors import RouterError

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCS = "\n".join(page.read_text() for page in PAGES)
SETTINGS = (ROOT / "budgetrouter" / "settings.py").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
SECTION = re.compile(r"^# (\d+)\. ([A-Za-z ]+)", re.MULTILINE)
SET = re.compile(r"^([A-Z_]+)=", re.MULTILINE)


def sections(text: str) -> Iterator[tuple[str, str]]:
    """Each numbered section's heading and what stands in it."""
    starts = list(SECTION.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    for start, end in zip(starts, ends, strict=True):
        yield f"{start[1]}. {start[2].split(' level')[0].strip()}", text[start.end() : end]


def variables_read() -> list[str]:
    """Every variable that settings.py reads through `env`."""
    calls = (node for node in ast.walk(ast.parse(SETTINGS)) if isinstance(node, ast.Call))
    return [
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "env"
        and isinstance(call.args[0], ast.Constant)
    ]


def read_in(code: str) -> set[str]:
    return {name for name in variables_read() if re.search(rf'"{name}"', code)}


def test_the_example_has_every_variable_in_the_section_that_reads_it() -> None:
    read = {int(title.split(".")[0]): read_in(code) for title, code in sections(SETTINGS)}
    shown = {int(title.split(".")[0]): set(SET.findall(text)) for title, text in sections(EXAMPLE)}

    assert shown == read
    assert list(shown) == list(read) == sorted(read)
    assert set.union(*read.values()) == set(variables_read())
    assert len(SET.findall(EXAMPLE)) == len(set(SET.findall(EXAMPLE)))


@pytest.mark.parametrize("name", sorted(set(variables_read())))
def test_every_variable_is_explained(name: str) -> None:
    assert re.search(rf"\b{name}\b", DOCS)


def own_commands() -> list[str]:
    """Ours, and Django's that we changed."""
    return sorted(name for name, app in get_commands().items() if app == "router_app")


@pytest.mark.parametrize("command", own_commands())
def test_every_command_is_explained(command: str) -> None:
    assert re.search(rf"`[^`\n]*\b{command}\b|manage\.py {command}\b", DOCS)


def test_every_make_target_is_explained() -> None:
    targets = re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert {"run", "test", "check"} <= set(targets)
    assert [name for name in targets if name != "help" and f"make {name}" not in DOCS] == []


@pytest.mark.parametrize("endpoint", [str(each.pattern) for each in urlpatterns[0].url_patterns])
def test_every_endpoint_is_explained(endpoint: str) -> None:
    assert re.search(rf"`(GET |POST )?/{re.escape(endpoint)}`", DOCS)


def _codes(kind: type[RouterError] = RouterError) -> Iterator[str]:
    yield kind.code
    for below in kind.__subclasses__():
        yield from _codes(below)


@pytest.mark.parametrize("code", sorted(set(_codes())))
def test_every_error_code_is_explained(code: str) -> None:
    assert f"`{code}`" in DOCS


LINKS = [
    pytest.param(page, target, id=f"{page.name} {target}")
    for page in PAGES
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    if "://" not in target
]


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_every_link_inside_the_docs_leads_somewhere(page: Path, target: str) -> None:
    assert (page.parent / target).exists()

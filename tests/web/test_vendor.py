"""What was taken from others is exactly what its record says, and nothing is there unrecorded."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

STATIC = Path(__file__).resolve().parents[2] / "static"
RECORD: dict[str, Any] = json.loads(
    (STATIC / "vendor" / "VENDORED.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("entry", RECORD["files"], ids=lambda entry: entry["path"])
def test_a_vendored_file_is_the_one_recorded(entry: dict[str, str]) -> None:
    assert hashlib.sha256((STATIC / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]
    assert all(entry[key] for key in ("name", "version", "licence", "source"))


def test_no_file_lies_there_unrecorded() -> None:
    known = {entry["path"] for entry in RECORD["files"]} | set(RECORD["own"])
    found = {
        path.relative_to(STATIC).as_posix()
        for folder in ("vendor", "icons")
        for path in (STATIC / folder).rglob("*")
        if path.is_file()
    }
    assert found - {"vendor/VENDORED.json"} == known


def test_every_vendored_project_comes_with_its_licence_text() -> None:
    texts = {e["name"] for e in RECORD["files"] if "LICENSE" in e["path"]}
    assert {e["name"] for e in RECORD["files"]} == texts


@pytest.mark.parametrize("script", sorted(STATIC.rglob("*.js")), ids=lambda path: path.name)
def test_no_script_names_a_source_map_that_is_not_served(script: Path) -> None:
    assert "sourceMappingURL" not in script.read_text(encoding="utf-8")

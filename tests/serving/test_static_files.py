"""Static files are collected when one changed, and only then."""

import json
from pathlib import Path

import pytest

from budgetrouter.serving.static_files import collect_if_changed


@pytest.fixture
def source(settings: object, tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "site.css").write_text("body { color: black; }\n" * 40)
    settings.STATICFILES_DIRS = [folder]  # type: ignore[attr-defined]
    settings.STATIC_ROOT = tmp_path / "collected"  # type: ignore[attr-defined]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]  # type: ignore[attr-defined]
    settings.STORAGES = {  # type: ignore[attr-defined]
        "staticfiles": {"BACKEND": "budgetrouter.static_storage.StaticStorage"}
    }
    return folder


def test_once_and_again_after_a_change(source: Path) -> None:
    assert collect_if_changed()
    assert not collect_if_changed()
    (source / "site.css").write_text("body { color: white; }\n")
    assert collect_if_changed()


def test_what_was_removed_comes_back(source: Path, tmp_path: Path) -> None:
    collect_if_changed()
    (tmp_path / "collected" / "staticfiles.json").unlink()
    assert collect_if_changed()


def test_files_are_hashed_and_compressed(source: Path, tmp_path: Path) -> None:
    collect_if_changed()
    names = json.loads((tmp_path / "collected" / "staticfiles.json").read_text())["paths"]
    hashed = tmp_path / "collected" / names["site.css"]
    for suffix in ("br", "gz"):
        packed = hashed.with_name(f"{hashed.name}.{suffix}")
        assert 0 < packed.stat().st_size < hashed.stat().st_size

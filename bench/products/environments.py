"""The peers' own environments under `bench/.envs`, made once. Only package registries are asked."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.products.base import ENVIRONMENTS, Absent

INSTALL_SECONDS = 900
STAMP = ".installed"


def python_environment(name: str, versions: Sequence[Sequence[str]]) -> tuple[Path, str]:
    """A virtual environment's `bin` folder with the first of `versions` that installs, and what
    that was. Each is a list of exact requirements. Raises Absent with pip's reason."""
    folder = ENVIRONMENTS / name
    if version := _stamped(folder, [requirements[0] for requirements in versions]):
        return folder / "bin", version
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(folder)])
    for requirements in versions:
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *requirements]
        try:
            _run(command)
        except Absent as failure:
            reason = failure
            continue
        (folder / STAMP).write_text(requirements[0])
        return folder / "bin", requirements[0]
    raise reason


def node_environment(name: str, package: str) -> tuple[Path, str]:
    """A folder with `node_modules` that hold this exact package. Raises Absent."""
    folder = ENVIRONMENTS / name
    if _stamped(folder, [package]):
        return folder, package
    if shutil.which("npm") is None:
        raise Absent("npm is not installed")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    quiet = ["--no-audit", "--no-fund", "--no-save", "--ignore-scripts"]
    _run(["npm", "install", "--prefix", str(folder), *quiet, package])
    (folder / STAMP).write_text(package)
    return folder, package


def _stamped(folder: Path, versions: Sequence[str]) -> str | None:
    stamp = folder / STAMP
    found = stamp.read_text() if stamp.exists() else None
    return found if found in versions else None


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise Absent(f"{command[0]}: {type(failure).__name__}") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        errors = [line for line in lines if "ERROR" in line] or lines
        raise Absent(f"it cannot be installed: {errors[-1][:200] if errors else done.returncode}")

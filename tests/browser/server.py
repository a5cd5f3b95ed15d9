"""The product as it is run: gunicorn in a process of its own, with a database of its own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper

from budgetrouter.serving.install import ROOT
from budgetrouter.serving.web_server import COMMAND, answers
from tests.serving.processes import wait_until

T = TypeVar("T")
SETTINGS = "tests.browser.settings"
SECRET_KEY = "tests-only"  # as tests/settings.py has it: sessions made there hold here
SET_UP = (
    "import django, io; django.setup();"
    "from django.core.management import call_command as run;"
    "run('migrate', interactive=False, verbosity=0); run('load_catalog', stdout=io.StringIO())"
)
STARTS_IN_SECONDS = 60


class Server:
    """Use as a context manager: it serves at `url` until the end."""

    def __init__(self, folder: Path, *, upstream_url: str, unblock: Callable[[], Any]) -> None:
        self._folder = folder
        self._database = folder / "served.sqlite3"
        self._upstream_url = upstream_url
        self._unblock = unblock
        self._process: subprocess.Popen[bytes] | None = None
        # Rows are made in a thread of their own: the browser's driver keeps an event loop running
        # in the tests' thread, where Django refuses to read a database.
        self._rows = ThreadPoolExecutor(1, initializer=self._connect)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def rows(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run ORM code against the server's database. Return values, not lazy querysets."""

        def unblocked() -> T:
            with self._unblock():
                return work(*args, **kwargs)

        return self._rows.submit(unblocked).result()

    @property
    def log(self) -> str:
        """What the server wrote to stderr."""
        return (self._folder / "server.log").read_text(errors="replace")

    def __enter__(self) -> Self:
        environment = self._environment()
        subprocess.run([sys.executable, "-c", SET_UP], cwd=ROOT, env=environment, check=True)
        with (self._folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                COMMAND, cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        wait_until(self._is_up, seconds=STARTS_IN_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process
        self._rows.submit(lambda: connections["default"].close()).result()
        self._rows.shutdown()
        self._process.send_signal(signal.SIGQUIT)  # gunicorn's quick end
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _is_up(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log
        return answers(f"{self.url}/health")

    def _connect(self) -> None:
        told = {
            **connections.databases["default"],
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(self._database),
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
        }
        connections["default"] = DatabaseWrapper(told, "default")

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "ENV_FILE": os.devnull,
            "SECRET_KEY": SECRET_KEY,
            "PORT": str(self.port),
            "DATABASE_URL": f"sqlite:///{self._database}",
            "DEMO_BASE_URL": self._upstream_url,
            "REQUEST_LOG_PATH": str(self._folder / "requests.jsonl"),
        }


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])

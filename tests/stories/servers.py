"""Real servers on the tests' own database: gunicorn processes that can be asked, and killed."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from django.db import connection

from budgetrouter.serving.install import ROOT
from budgetrouter.serving.web_server import COMMAND, answers
from tests.serving.processes import wait_until
from tests.serving.served import free_port

STARTS_IN_SECONDS = 60
ENDS_IN_SECONDS = 60


class Gunicorn:
    """Use as a context manager: one server process with one worker, until the end."""

    def __init__(self, folder: Path, **environment: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / f"server-{port}.log"
        self._environment = {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "TEST_DATABASE_URL": database_url(),
            "REQUEST_LOG_PATH": str(folder / "requests.jsonl"),
            "PORT": str(port),
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """End it and its worker as a power cut would."""
        assert self._process
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def terminate(self) -> None:
        """Ask it to end, as a supervisor does, and wait until it has."""
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        self.wait()

    def wait(self) -> int:
        """Wait until it has ended by itself; its exit status."""
        assert self._process
        return self._process.wait(ENDS_IN_SECONDS)

    @property
    def pid(self) -> int:
        """Of gunicorn's first process."""
        assert self._process
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has said on standard output and error, in all of its lives."""
        return self._log.read_text(errors="replace")

    @property
    def has_ended(self) -> bool:
        """Whether there is no process any more."""
        return self._process is None or self._process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        """Send it to gunicorn's first process."""
        assert self._process
        self._process.send_signal(number)

    def start(self) -> None:
        """Return when it answers. Also after it was killed: at the same address."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                COMMAND,
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._is_up, STARTS_IN_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)  # gunicorn's quick end
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
        self.kill()
        if error is not None:
            print(self.log[-4000:])  # the test's report shows it, also how a worker ended

    def _is_up(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log
        return answers(f"{self.url}/health")


def database_url() -> str:
    """The tests' own database, for another process."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user, host, port = database["USER"], database["HOST"], database["PORT"] or 5432
    return f"postgres://{user}@{host}:{port}/{database['NAME']}"

"""Run the product in the foreground, everything it needs included."""

import io
import os
import signal
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import OperationalError, connection

from budgetrouter.serving import web_server
from budgetrouter.serving.administrator import ensure_administrator, first_key
from budgetrouter.serving.lifeline import end_with_parent
from budgetrouter.serving.prepare import stand_in_is_ours
from budgetrouter.serving.problem import Problem
from budgetrouter.serving.static_files import collect_if_changed
from budgetrouter.serving.stop_signals import StopSignals
from budgetrouter.serving.supervisor import Supervisor
from budgetrouter.serving.welcome import FirstSteps, welcome_text


class Command(BaseCommand):
    """Sets the installation up where that is not done, then serves until asked to stop."""

    help = (
        "Set up the database, the catalogue and a first administrator where they are missing, then"
        " serve in the foreground until Ctrl-C or SIGTERM."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--stop-with-parent",
            action="store_true",
            help="Stop when the process that started this one ends, as `make run` wants it.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        signals = StopSignals()
        signals.listen()
        if options["stop_with_parent"]:
            end_with_parent(signal.SIGTERM, os.getppid())
        try:
            self._serve(signals)
        except Problem as problem:
            self.stderr.write(f"\n{problem}")
            sys.exit(1)

    def _serve(self, signals: StopSignals) -> None:
        url = web_server.visit_address(settings.BIND_HOST, settings.PORT)
        web_server.check_port(settings.BIND_HOST, settings.PORT)
        self._set_up()
        if signals.requested:
            return
        self._say("Starting …")
        Supervisor(root=settings.BASE_DIR, url=url, signals=signals, say=self._say).run(
            with_stand_in=stand_in_is_ours(), when_ready=lambda: self._welcome(url)
        )
        self._say("Stopped.")

    def _set_up(self) -> None:
        # A pool would wait for a database that is not there, and keep threads for one that is.
        connection.settings_dict["OPTIONS"].pop("pool", None)
        self._say("Preparing the database and static files …")
        try:
            # The database holds what people asked: its folder is for its owner alone.
            _state_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_log_folder(settings.REQUEST_LOG_PATH.parent)
            call_command("migrate", interactive=False, verbosity=0)
            call_command("load_catalog", stdout=io.StringIO())
            collect_if_changed()
        except OperationalError as error:
            raise Problem(f"The database could not be used: {error}") from error
        except OSError as error:
            raise Problem(f"{error.filename} cannot be written: {error.strerror}.") from error

    def _make_log_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:  # requests are served without it and mirrored later
            self._say(f"The request log cannot be written for now: {folder}: {error.strerror}.")

    def _welcome(self, url: str) -> None:
        user, password = ensure_administrator()
        steps = FirstSteps(
            url=url,
            username=user.username,
            generated_password=password,
            api_key=first_key(user, _state_folder() / "first-key"),
            answers_from=_answers_from(),
        )
        connection.close()  # from here on this process only watches others
        self._say(welcome_text(steps))

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _state_folder() -> Path:
    """Where small files of this installation lie: beside its SQLite database, or in var/."""
    if connection.vendor == "sqlite":
        return Path(connection.settings_dict["NAME"]).parent
    return Path(settings.BASE_DIR) / "var"


def _answers_from() -> str:
    if stand_in_is_ours():
        return "from a small model on this machine; for real ones set GROQ_API_KEY in .env"
    if settings.GROQ_API_KEY:
        return "from Groq, on your key"
    return f"from the stand-in at {settings.DEMO_BASE_URL}"

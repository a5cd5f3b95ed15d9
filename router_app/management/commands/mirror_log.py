"""`manage.py mirror_log`: bring the request log up to date, or make it again."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from router_app.analytics import mirror


class Command(BaseCommand):
    """Exit code 0: the log is complete. 1: it could not be written; nothing is lost."""

    help = "Write the lines that the request log lacks; with --rebuild, the whole log again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--rebuild", action="store_true", help="Make the whole file again from the database."
        )
        parser.add_argument("--path", type=Path, help="Write there instead of to REQUEST_LOG_PATH.")

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["path"] or Path(settings.REQUEST_LOG_PATH)
        write = mirror.rebuild if options["rebuild"] else mirror.write_pending
        try:
            lines = write(path)
        except (OSError, mirror.NotARequestLog) as failure:
            raise CommandError(f"The request log was not written: {failure}") from failure
        done = "Rebuilt" if options["rebuild"] else "Added to"
        self.stdout.write(f"{done} {path}: {lines} {'line' if lines == 1 else 'lines'}.")

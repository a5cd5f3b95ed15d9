"""`manage.py rebuild_usage`: make the sums that dashboards read again from the calls."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from router_app.analytics.usage_rebuild import differences, rebuild, slices

SECONDS_BETWEEN_REPORTS = 2.0


class Command(BaseCommand):
    """Exit code 0: the sums are what the calls say. 1: with --check, they are not."""

    help = (
        "Sum every person's closed calls anew into the usage rollup that the dashboard and /stats "
        "read. Needed after calls were written past the server, such as from a backup. May run "
        "while the server does. With --check, change nothing and print what differs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only compare; exit code 1 if off")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            self._check()
        else:
            self._rebuild()

    def _rebuild(self) -> None:
        calls, people, reported = 0, set(), time.monotonic()
        for part in slices():
            calls += rebuild(part)
            people.add(part.user_id)
            if time.monotonic() - reported >= SECONDS_BETWEEN_REPORTS:
                reported = time.monotonic()
                self.stdout.write(f"… {calls:,} calls")
        self.stdout.write(f"Summed {calls:,} calls of {len(people):,} people.")

    def _check(self) -> None:
        wrong = 0
        for part in slices():
            for line in differences(part):
                wrong += 1
                self.stdout.write(line)
        if wrong:
            raise CommandError(f"{wrong} rows of the usage rollup are off", returncode=1)
        self.stdout.write("clean: the usage rollup says what the calls say")

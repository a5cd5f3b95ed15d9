"""Prove that the counters are what the journal says."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from router_app.analytics.usage_rebuild import total_differences
from router_app.budgets.reconcile import differences, entry_count


class Command(BaseCommand):
    help = (
        "Compare every counter with the journal, every reservation with its entries and its call, "
        "and look for money held past its lease; compare the usage rollup with the calls in sum. "
        "Prints each difference. Exit code 0 if there is none, 1 otherwise. Reads only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        entries = entry_count()
        found = [*differences(timezone.now()), *total_differences()]
        if options["json"]:
            report = {"clean": not found, "entries": entries, "differences": found}
            self.stdout.write(json.dumps(report))
        else:
            for line in found or [f"clean: {entries} entries, counters and journal agree"]:
                self.stdout.write(line)
        if found:
            raise CommandError(f"{len(found)} differences in {entries} entries", returncode=1)

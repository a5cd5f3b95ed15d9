"""Load the starting catalogue."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from router_app.catalog.seed import load_catalog


class Command(BaseCommand):
    help = (
        "Make the providers, models, prices and policy a new installation starts with; idempotent."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            made = load_catalog()
        self.stdout.write(f"{made} rows made" if made else "The catalogue is complete")

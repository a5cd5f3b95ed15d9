"""Make an API key for somebody."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from router_app.gateway.keys import create_key
from router_app.management.arguments import active_person, count


class Command(BaseCommand):
    help = (
        "Make an API key for USERNAME and print it, alone, on standard output. It is kept as a "
        "hash, so this is the only time it can be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--name", default="command line", help="what will use it; shown at /keys/"
        )
        parser.add_argument(
            "--expires-days",
            type=count(most=36_500),
            metavar="N",
            help="after how many days it opens nothing any more; never unless given",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["expires_days"]
        _, text = create_key(
            user=active_person(options["username"]),
            name=options["name"][:80],
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        self.stdout.write(text)

"""Make an API key for somebody."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from router_app.gateway.keys import create_key
from router_app.gateway.rates import limit_key
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

        parser.add_argument(
            "--requests-per-minute",
            type=count(least=0),
            metavar="N",
            help="how many requests it may send in any 60 seconds; 0 is any number, and unless "
            "given the server's KEY_REQUESTS_PER_MINUTE holds",
        )
        parser.add_argument(
            "--concurrent-requests",
            type=count(least=0),
            metavar="N",
            help="how many of them may be under way at once; 0 is any number, and unless given "
            "the server's KEY_CONCURRENT_REQUESTS holds",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["expires_days"]
        key, text = create_key(
            user=active_person(options["username"]),
            name=options["name"][:80],
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        limit_key(
            key,
            requests_per_minute=options["requests_per_minute"],
            concurrent_requests=options["concurrent_requests"],
        )
        self.stdout.write(text)

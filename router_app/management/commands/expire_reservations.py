"""Close what is past its lease."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from router_app.gateway.expiry import expire_overdue


class Command(BaseCommand):
    help = (
        "Close reservations whose lease is over, for example because a server was killed: what "
        "was sent is presumed at the full amount, what was not is released. The next request of "
        "the same person does this too; running it by hand or by the clock is never needed."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        presumed, released = expire_overdue(now=timezone.now())
        self.stdout.write(f"{presumed} presumed at the full amount, {released} released")

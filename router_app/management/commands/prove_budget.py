"""Fire hundreds of parallel calls at a nearly empty budget and show that it holds."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from router_app.budgets.reconcile import differences, entry_count
from router_app.catalog import snapshot
from router_app.errors import RouterError
from router_app.gateway.writer import MAX_WAITING
from router_app.management.arguments import count
from router_app.management.lifetime import gateway
from router_app.management.proof import Proof, prove, retire, temporary_person
from router_app.money import plain_usd


class Command(BaseCommand):
    help = (
        "Prove that a budget cannot be overspent: make a temporary account whose budget holds "
        "exactly so many calls, fire many more at it at once through the real gateway, let a "
        "scripted provider answer only after the burst, and count. Costs nothing and calls nobody. "
        "Exit code 1 if a nano-dollar too much was spent, or too few calls passed. The account is "
        "closed afterwards and stays, because ledger rows are never deleted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--calls", type=count(most=MAX_WAITING // 2), default=500, metavar="N",
            help="how many requests are made at once (500)",
        )  # fmt: skip
        parser.add_argument(
            "--fits", type=count(most=1_000), default=10, metavar="N",
            help="for how many of them the budget has room (10)",
        )  # fmt: skip
        parser.add_argument(
            "--keep", action="store_true",
            help="leave the temporary account open, to look at its rows",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        person, before = temporary_person(), set(differences(timezone.now()))
        try:
            with gateway(), _some_provider_in_use():
                proof = prove(person, calls=options["calls"], room=options["fits"])
        except RouterError as error:
            raise CommandError(f"Nothing could be proved: {error.message}") from None
        finally:
            if not options["keep"]:
                retire(person)
        self._report(proof)
        self.stdout.write(
            f"The account {person} is {'open' if options['keep'] else 'closed'}; its rows stay."
        )
        found = list(differences(timezone.now()))
        faults = [*proof.faults, *(line for line in found if line not in before)]
        if faults:
            raise CommandError(f"The budget does not hold: {'; '.join(faults)}.", returncode=1)
        self.stdout.write(f"The budget holds. {_state_of_the_ledger(found)}")

    def _report(self, proof: Proof) -> None:
        lines = (
            f"{proof.asked} requests at once to {proof.model}, at most "
            f"${plain_usd(proof.call_nanos)} each; room for {proof.room}",
            f"passed   {proof.passed}",
            f"refused  {proof.refused}",
            f"held     ${plain_usd(proof.held_nanos)} before the first answer",
            f"spent    ${plain_usd(proof.spent_nanos)}",
            f"limit    ${plain_usd(proof.limit_nanos)}",
        )
        self.stdout.write("\n".join(lines))


def _state_of_the_ledger(found: list[str]) -> str:
    if not found:
        return f"Ledger clean: {entry_count()} entries."
    return f"The ledger has {len(found)} differences from before: see check_ledger."


@contextmanager
def _some_provider_in_use() -> Iterator[None]:
    """Where no provider has an address, give the stand-in one: nothing is sent there."""
    before = settings.DEMO_BASE_URL
    if not snapshot.providers_in_use():
        settings.DEMO_BASE_URL = "http://scripted.invalid/v1"
        snapshot.forget()
    try:
        yield
    finally:
        settings.DEMO_BASE_URL = before
        snapshot.forget()

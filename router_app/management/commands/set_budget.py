"""Set somebody's limit."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from router_app.budgets import limits
from router_app.budgets.statements import Statement, statements_for
from router_app.management.arguments import person, usd
from router_app.models import Budget, Level, Period, User
from router_app.money import format_usd
from router_app.routing.tasks import Task


class Command(BaseCommand):
    help = (
        "Set a limit for USERNAME: change the one of this period and task, or make it. It is set "
        "by an administrator, so its owner can see it and not change it. Holds at once, also in "
        "the running period. Prints all limits in force."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--period", required=True, choices=Period.values)
        parser.add_argument(
            "--limit",
            required=True,
            type=usd(max_nanos=limits.HIGHEST_LIMIT_NANOS),
            metavar="USD",
            help="in US dollars, for example 5 or 0.25; 0 stops all spending",
        )
        parser.add_argument("--task", choices=[*Task], default="", help="only for this task")

    def handle(self, *args: Any, **options: Any) -> None:
        owner, now = person(options["username"]), timezone.now()
        _set(owner, options["period"], options["task"], options["limit"], now)
        own = Budget.objects.filter(level=Level.USER, user=owner, is_active=True)
        for statement in statements_for(own, now=now):
            self.stdout.write(_in_words(owner, statement))


@transaction.atomic
def _set(owner: User, period: str, task: str, limit_nanos: int, now: datetime) -> None:
    budget = _same_kind(owner, period, task)
    if budget is None:
        limits.create_budget(
            user=owner,
            period=period,
            limit_nanos=limit_nanos,
            task_type=task,
            set_by_administrator=True,
        )
        return
    limits.set_limit(budget, limit_nanos=limit_nanos, now=now)
    Budget.objects.filter(pk=budget.pk).update(set_by_administrator=True)


def _same_kind(owner: User, period: str, task: str) -> Budget | None:
    """The administrator's limit of this kind before the owner's own."""
    own = Budget.objects.filter(level=Level.USER, user=owner, is_active=True, model=None)
    kind = own.filter(period=period, task_type=task)
    return kind.order_by("-set_by_administrator", "pk").first()


def _in_words(owner: User, statement: Statement) -> str:
    by = "set by an administrator" if statement.set_by_administrator else "set by the owner"
    spent = statement.spent_nanos + statement.overage_nanos
    return (
        f"{owner}: {statement.name}, {format_usd(statement.limit_nanos)} "
        f"({format_usd(spent)} spent, {format_usd(statement.reserved_nanos)} held, "
        f"{format_usd(statement.free_nanos)} free), {_reset(statement)}, {by}"
    )


def _reset(statement: Statement) -> str:
    if statement.resets_at is None:
        return "never resets"
    moment = statement.resets_at.astimezone(ZoneInfo(statement.time_zone))
    return f"resets on {moment:%Y-%m-%d at %H:%M}, {statement.time_zone} time"

"""Django's `createsuperuser`, whose accounts begin with a limit like everybody's."""

from typing import Any

from django.contrib.auth.management.commands.createsuperuser import Command as DjangoCommand

from router_app.budgets.limits import ensure_starting_budget
from router_app.models import User


class Command(DjangoCommand):
    def handle(self, *args: Any, **options: Any) -> str | None:
        before = set(User.objects.filter(is_superuser=True).values_list("pk", flat=True))
        said = super().handle(*args, **options)
        for person in User.objects.filter(is_superuser=True).exclude(pk__in=before):
            ensure_starting_budget(person)
        return said

"""What several commands read from their command line."""

import argparse
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from router_app.models import User
from router_app.web.fields import UsdField

USAGE_ERROR = 2  # the exit code that argparse uses as well


def person(username: str) -> User:
    """The account with this name, or with this e-mail address; a CommandError if there is none."""
    named = User.objects.filter(username__iexact=username)
    found = list(named or User.objects.filter(email__iexact=username, email__gt=""))
    if len(found) != 1:
        raise CommandError(f"There is no account called {username!r}.", returncode=USAGE_ERROR)
    return found[0]


def active_person(username: str) -> User:
    """The same, and it must be open."""
    found = person(username)
    if not found.is_active:
        raise CommandError(f"The account {found} is closed.", returncode=USAGE_ERROR)
    return found


def usd(*, min_nanos: int = 0, max_nanos: int | None = None) -> Callable[[str], int]:
    """An argument's type: US dollars as typed, nano-dollars as value."""
    field = UsdField(min_nanos=min_nanos, max_nanos=max_nanos)

    def parse(text: str) -> int:
        try:
            return int(field.clean(text))
        except ValidationError as error:
            raise argparse.ArgumentTypeError(" ".join(error.messages)) from None

    return parse


def count(*, least: int = 1, most: int = 1_000_000) -> Callable[[str], int]:
    """An argument's type: a whole number within bounds."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"a whole number from {least} to {most}, not {text!r}")
        return int(text)

    return parse

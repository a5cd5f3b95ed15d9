"""The first administrator of an installation, and the API key that the first `curl` uses."""

import secrets
from pathlib import Path

from django.conf import settings
from django.db import transaction

from budgetrouter.serving.private_file import write_private
from budgetrouter.serving.problem import Problem
from router_app.budgets.limits import ensure_starting_budget
from router_app.gateway.keys import SHOWN_LENGTH, create_key, looks_like_a_key
from router_app.models import ApiKey, User

KEY_NAME = "first steps"
# Lower-case letters and digits that are not mistaken for each other; 16 of them hold 79 bits.
READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS = 4


def ensure_administrator() -> tuple[User, str | None]:
    """An administrator; made, with the starting budget, if there is none.

    Returns the account and the password generated for it just now: None where the account was
    there before or DJANGO_SUPERUSER_PASSWORD gave one. Raises Problem if the name is taken by an
    ordinary account.
    """
    known = User.objects.filter(is_superuser=True).order_by("-is_active", "pk").first()
    if known is not None:
        return known, None
    username = settings.DJANGO_SUPERUSER_USERNAME or "admin"
    if User.objects.filter(username__iexact=username).exists():
        raise Problem(
            f"There is no administrator, and {username} is an ordinary account."
            " Set DJANGO_SUPERUSER_USERNAME to a name that is free."
        )
    generated = None if settings.DJANGO_SUPERUSER_PASSWORD else generate_password()
    with transaction.atomic():
        user = User.objects.create_superuser(
            username, password=generated or settings.DJANGO_SUPERUSER_PASSWORD
        )
        ensure_starting_budget(user)
    return user, generated


def generate_password() -> str:
    """A password that can be read out and typed: four groups of four, "k7wq-…"."""
    groups = ("".join(secrets.choice(READABLE) for _ in range(4)) for _ in range(GROUPS))
    return "-".join(groups)


def first_key(user: User, path: Path) -> str | None:
    """The text of the administrator's first API key; made once and kept in a file for later starts.

    None where it was made before and the file is gone, or it was revoked: a key that somebody took
    away does not come back by itself.
    """
    text = path.read_text().strip() if path.exists() else ""
    made = ApiKey.objects.filter(user=user, name=KEY_NAME)
    if looks_like_a_key(text):
        row = made.filter(prefix=text[:SHOWN_LENGTH]).first()
        if row is not None and row.is_live:
            return text
    if made.exists():
        return None
    _, text = create_key(user=user, name=KEY_NAME)
    write_private(path, f"{text}\n")
    return text

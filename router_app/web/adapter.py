"""How django-allauth makes accounts here."""

from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from router_app.budgets.limits import ensure_starting_budget
from router_app.models import User


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up can be closed by a setting; a new account begins with a limit."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP_OPEN)

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        """Make the account together with its first limit: neither exists without the other."""
        with transaction.atomic():
            person = super().save_user(request, user, form, commit)
            if commit and isinstance(person, User):
                ensure_starting_budget(person)
        return person


def signing_in_as(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """Whom a sign-in is for: one name for all spellings, under which failures are counted.

    The form calls it `login`; what is checked against, and what failed, says `username` or `email`.
    An address counts as its account's name, so that knowing both gives no second set of guesses.
    """
    given = credentials or request.POST
    name = given.get("username") or given.get("email") or given.get("login") or ""
    name = str(name).strip().casefold()[:255]
    if "@" not in name or "\0" in name:
        return name
    known = User.objects.filter(email__iexact=name).values_list("username", flat=True).first()
    return known.casefold() if known else name

"""People who visit: accounts in the server's database, and signed-in windows of the browser."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Browser, BrowserContext, Page

from router_app.budgets.limits import ensure_starting_budget
from router_app.models import User
from tests.browser.server import Server
from tests.browser.watch import Watch
from tests.factories import make_user

_numbers = itertools.count(1)
Scheme = Literal["light", "dark"]
WIDE, NARROW = 1280, 390
PATIENCE_MILLISECONDS = 15_000


@dataclass(frozen=True, slots=True)
class Person:
    """An account that is signed in."""

    pk: int
    username: str
    session: str


def make_person(**fields: Any) -> Person:
    """A new account with the limit that new accounts have. Run it where rows are made."""
    user = make_user(f"visitor{next(_numbers)}", **fields)
    ensure_starting_budget(user)
    return Person(user.pk, user.username, _session(user))


def _session(user: User) -> str:
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    return str(store.session_key)


@dataclass(slots=True)
class Visits:
    """Opens windows; all of them are watched, and closed by `leave`."""

    browser: Browser
    server: Server
    watch: Watch
    _open: list[BrowserContext]

    def __call__(
        self,
        person: Person | None = None,
        *,
        width: int = WIDE,
        scheme: Scheme = "light",
        script: bool = True,
    ) -> Page:
        """An empty page of a new window, signed in as `person`."""
        context = self.browser.new_context(
            base_url=self.server.url,
            viewport={"width": width, "height": 844},
            color_scheme=scheme,
            reduced_motion="reduce",
            java_script_enabled=script,
            locale="en-US",
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        self._open.append(context)
        self.watch.follow(context)
        if person:
            cookie = {"name": "sessionid", "value": person.session, "url": self.server.url}
            context.add_cookies([cookie])  # type: ignore[list-item]
        return context.new_page()

    def leave(self) -> None:
        """Close every window."""
        for context in self._open:
            context.close()


MakePerson = Callable[..., Person]

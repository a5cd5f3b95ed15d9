"""The cast of the operators' pages, and one of every row."""

from typing import Any

import pytest
from django.test import Client

from router_app.alerts.hooks import make_webhook
from router_app.catalog.seed import load_catalog
from router_app.models import Call, RoutingPolicy, TopUp, User
from tests.factories import (
    CENT,
    make_budget,
    make_call,
    make_catalogue,
    make_decision,
    make_exchange,
    make_key,
    make_notice,
    make_user,
    make_window,
)


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", "root@example.org", "correct horse battery")


@pytest.fixture
def operator(client: Client, root: User) -> Client:
    """A browser in which the administrator is signed in."""
    client.force_login(root)
    return client


@pytest.fixture
def call(db: None) -> Call:
    """A call by Alice that was answered and booked in her monthly window, and all around it."""
    alice = make_user("alice")
    model = next(iter(make_catalogue().values()))
    RoutingPolicy.objects.create()
    window = make_window(make_budget(alice))
    decision = make_decision(alice, models=[model], prompt="a secret prompt")
    made = make_call(alice, model, decision=decision, reserved_nanos=CENT, windows=[window])
    make_exchange(alice, "a secret question", decision=decision)
    make_key(alice, name="nightly", hash="c0ffee" * 10)
    make_notice(alice)
    make_webhook(alice.personal_workspace, url="https://hooks.example.com/c0ffee", by=alice)
    TopUp.objects.create(window=window, amount_nanos=CENT, author=alice, reason="a demo")
    return made


@pytest.fixture
def seeded(db: None) -> None:
    load_catalog()


def no_rows(prefix: str) -> dict[str, str]:
    """What a form sends for a list of related rows that nobody can change."""
    return {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())

"""The profile: where days begin, how one likes to ask, what is kept."""

import pytest
from django.urls import reverse

from router_app.budgets.limits import ensure_starting_budget
from router_app.models import User
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(client) -> User:
    user = make_user("alice")
    ensure_starting_budget(user)
    client.force_login(user)
    return user


def _page(response) -> str:
    return " ".join(response.content.decode().split())


def _sent(**changed: str) -> dict[str, str]:
    kept = {
        "time_zone": "UTC",
        "default_task": "general",
        "default_quality": "medium",
        "default_budget_nanos": "0.001",
    }
    return {**kept, **changed}


def test_preferences_are_kept(client, alice):
    sent = _sent(
        default_task="code", default_quality="high", default_budget_nanos="$0,02",
        store_prompts="on",
    )  # fmt: skip
    assert "Saved." in _page(client.post("/profile/", sent, follow=True))
    alice.refresh_from_db()
    assert (alice.default_task, alice.default_quality) == ("code", "high")
    assert (alice.default_budget_nanos, alice.store_prompts) == (20_000_000, True)


def test_moving_moves_the_days_of_the_limits(client, alice):
    client.post("/profile/", _sent(time_zone="Africa/Cairo"))
    alice.refresh_from_db()
    assert alice.time_zone == "Africa/Cairo"
    assert alice.budgets.get().time_zone == "Africa/Cairo"


@pytest.mark.parametrize("typed", ["cairo", "africa/cairo", " Cairo ", "AFRICA/CAIRO"])
def test_a_city_is_enough(client, alice, typed):
    client.post("/profile/", _sent(time_zone=typed))
    alice.refresh_from_db()
    assert alice.time_zone == "Africa/Cairo"


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("time_zone", "Atlantis", "Choose a time zone from the list"),
        ("time_zone", "../etc/passwd", "Choose a time zone from the list"),
        ("default_budget_nanos", "0", "The smallest amount here is $0.000001."),
        ("default_budget_nanos", "1000", "The highest amount here is $100.00."),
        ("default_budget_nanos", "cheap", "Enter an amount in US dollars"),
        ("default_task", "poems", "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(client, alice, field, typed, said):
    response = client.post("/profile/", _sent(**{field: typed, "default_quality": "high"}))
    assert said in _page(response)
    alice.refresh_from_db()
    assert (alice.time_zone, alice.default_quality) == ("UTC", "medium")


def test_nothing_else_about_an_account_can_be_sent_along(client, alice):
    client.post("/profile/", _sent(unlimited="on", is_staff="on", username="root"))
    alice.refresh_from_db()
    assert (alice.unlimited, alice.is_staff, alice.username) == (False, False, "alice")


def test_the_ways_to_e_mail_and_password_are_there(client, alice):
    page = _page(client.get("/profile/"))
    assert reverse("account_email") in page
    assert reverse("account_change_password") in page
    assert '<option value="Africa/Cairo">' in page


def test_without_signing_in_one_is_sent_to_do_so(client):
    for response in (client.get("/profile/"), client.post("/profile/", _sent())):
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("account_login"))

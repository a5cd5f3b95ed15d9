"""Who guesses a password is locked out, and then the right one does not open the door either."""

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from router_app.models import User

pytestmark = pytest.mark.django_db

PASSWORD = "a-long-Enough-secret"


@pytest.fixture(autouse=True)
def person(settings: LazySettings) -> User:
    settings.AXES_ENABLED = True
    cache.clear()  # of the sign-ins that other tests tried within this minute
    return User.objects.create_user("carol", "carol@example.com", PASSWORD)


def sign_in(login: str, password: str) -> int:
    """The status of one attempt from a browser without a past: 302 is a success."""
    answer = Client().post(reverse("account_login"), {"login": login, "password": password})
    return answer.status_code


def guess(settings: LazySettings, login: str) -> None:
    for number in range(settings.AXES_FAILURE_LIMIT):
        assert sign_in(login, f"guess-{number}") != 302


@pytest.mark.parametrize("login", ["carol", "carol@example.com"])
def test_the_right_password_is_refused_after_too_many_guesses(
    settings: LazySettings, login: str
) -> None:
    guess(settings, login)

    assert sign_in(login, PASSWORD) == 429


def test_another_spelling_of_the_name_is_no_way_around_it(settings: LazySettings) -> None:
    guess(settings, "carol")

    assert sign_in(" CaRoL ", PASSWORD) == 429
    assert sign_in("Carol@Example.com", PASSWORD) == 429


def test_nobody_else_at_the_same_address_is_locked_out(settings: LazySettings) -> None:
    User.objects.create_user("dave", password=PASSWORD)
    guess(settings, "carol")

    assert sign_in("dave", "mistyped") == 200
    assert sign_in("dave", PASSWORD) == 302


def test_a_name_of_any_length_is_counted() -> None:
    assert sign_in("n" * 3_000, "guess") == 200

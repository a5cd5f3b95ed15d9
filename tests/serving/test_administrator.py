"""The first administrator and the first key: made once, never twice, never brought back."""

from pathlib import Path

import pytest
from django.utils import timezone

from budgetrouter.serving.administrator import ensure_administrator, first_key
from budgetrouter.serving.problem import Problem
from router_app.gateway import keys
from router_app.models import ApiKey, Budget, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser("root", password="as-you-like-it")


def test_the_first_one_gets_a_password_and_a_limit(settings: object) -> None:
    user, password = ensure_administrator()
    assert user.username == "admin"
    assert password is not None and len(password) >= 16
    assert user.check_password(password)
    assert user.is_superuser and user.is_staff
    assert Budget.objects.get(user=user).limit_nanos == settings.NEW_ACCOUNT_MONTHLY_NANOS  # type: ignore[attr-defined]


def test_name_and_password_can_be_given(settings: object) -> None:
    settings.DJANGO_SUPERUSER_USERNAME = "boss"  # type: ignore[attr-defined]
    settings.DJANGO_SUPERUSER_PASSWORD = "given"  # type: ignore[attr-defined]
    user, password = ensure_administrator()
    assert (user.username, password) == ("boss", None)
    assert user.check_password("given")


def test_later_nothing_changes(root: User) -> None:
    before = User.objects.values().get()
    assert ensure_administrator() == (root, None)
    assert User.objects.values().get() == before


def test_an_ordinary_account_is_never_raised_to_one() -> None:
    User.objects.create_user("Admin", password="somebody-else")
    with pytest.raises(Problem, match="DJANGO_SUPERUSER_USERNAME"):
        ensure_administrator()
    assert not User.objects.filter(is_superuser=True).exists()


def test_the_key_is_kept_for_later_starts(root: User, tmp_path: Path) -> None:
    path = tmp_path / "first-key"
    key = first_key(root, path)
    assert key is not None and keys.looks_like_a_key(key)
    assert path.stat().st_mode & 0o777 == 0o600
    assert first_key(root, path) == key
    assert ApiKey.objects.count() == 1


def test_a_revoked_key_does_not_come_back(root: User, tmp_path: Path) -> None:
    first_key(root, tmp_path / "first-key")
    ApiKey.objects.update(revoked_at=timezone.now())
    assert first_key(root, tmp_path / "first-key") is None
    assert ApiKey.objects.count() == 1


def test_a_lost_file_makes_no_second_key(root: User, tmp_path: Path) -> None:
    first_key(root, tmp_path / "first-key")
    (tmp_path / "first-key").unlink()
    assert first_key(root, tmp_path / "first-key") is None


def test_the_file_of_another_database_is_replaced(root: User, tmp_path: Path) -> None:
    path = tmp_path / "first-key"
    elsewhere = first_key(root, path)
    ApiKey.objects.all().delete()
    here = first_key(root, path)
    assert here is not None and here != elsewhere
    assert path.read_text().strip() == here

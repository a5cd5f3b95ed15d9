"""Every way of changing who may spend is noticed, and signing in is not a change."""

import pytest
from django.db import connection
from django.utils import timezone

from router_app.models import AccessRevision, ApiKey, Budget, User
from tests.factories import make_budget, make_key, make_user

pytestmark = pytest.mark.django_db


def revision() -> int:
    return AccessRevision.objects.values_list("number", flat=True).first() or 0


def test_bulk_updates_and_plain_sql_raise_the_revision() -> None:
    key = make_key(make_user())
    budget = make_budget(key.user)
    changes = (
        lambda: ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now()),
        lambda: User.objects.filter(pk=key.user_id).update(is_active=False),
        lambda: Budget.objects.filter(pk=budget.pk).update(is_active=False),
        lambda: connection.cursor().execute("UPDATE router_app_user SET unlimited = is_active"),
        lambda: Budget.objects.filter(pk=budget.pk).delete(),
        lambda: ApiKey.objects.all().delete(),
        lambda: make_user(),
    )
    for change in changes:
        before = revision()
        change()
        assert revision() > before


def test_what_happens_with_every_request_does_not_raise_it() -> None:
    key = make_key(make_user())
    before = revision()
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now())
    User.objects.filter(pk=key.user_id).update(last_login=timezone.now(), default_task="code")
    assert revision() == before

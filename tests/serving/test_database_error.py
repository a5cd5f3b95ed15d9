"""The database goes away under a page or an endpoint: a 503, and in words for whom it is."""

import pytest
from django.db import OperationalError
from django.test import Client

from router_app.api import stats
from router_app.gateway.keys import create_key
from router_app.models import User
from router_app.web import models as models_page

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "password of postgres"


def away(*_: object, **__: object) -> None:
    raise OperationalError(SECRET)


def test_a_page_says_it_is_back_in_a_moment(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_page, "render", away)
    client = Client(raise_request_exception=False)
    client.force_login(alice)

    answer = client.get("/models/")

    assert answer.status_code == 503 and answer["Retry-After"] == "5"
    page = answer.content.decode()
    assert "Back in a moment" in page and SECRET not in page


def test_a_program_gets_the_error_of_a_database_that_is_away(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "stats", away)
    _, key = create_key(user=alice, name="tests")

    answer = Client().get("/stats", headers={"Authorization": f"Bearer {key}"})

    assert answer.status_code == 503 and int(answer["Retry-After"]) > 0
    assert answer.json()["error"]["code"] == "unavailable"
    assert SECRET not in answer.content.decode()

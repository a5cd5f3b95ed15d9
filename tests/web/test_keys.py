"""API keys: seen once, used, revoked; by their owner and nobody else."""

import asyncio
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from router_app.errors import NotAuthenticated
from router_app.gateway.keys import authenticate, create_key, looks_like_a_key
from router_app.models import ApiKey, User
from tests.factories import make_key, make_user
from tests.serving.processes import wait_until

pytestmark = pytest.mark.django_db
KEY = re.compile(r"br-[A-Za-z0-9]{46}")


@pytest.fixture
def alice(client) -> User:
    user = make_user("alice")
    client.force_login(user)
    return user


def _opens(text: str) -> bool:
    try:
        asyncio.run(authenticate(text))
    except NotAuthenticated:
        return False
    return True


def _page(response) -> str:
    return " ".join(response.content.decode().split())


def _make(client, **fields):
    form = re.search(r'name="form_id" value="([^"]+)"', _page(client.get("/keys/")))
    data = {"name": "nightly", "expires": "90", "form_id": form[1], **fields}
    return data, client.post("/keys/", data)


def test_a_key_is_shown_once_and_never_again(client, alice):
    data, response = _make(client)

    text = KEY.search(_page(response))[0]
    assert looks_like_a_key(text)
    assert "shown only this once" in _page(response)
    assert "no-store" in response["Cache-Control"]
    row = alice.api_keys.get()
    assert text not in (row.hash, row.prefix)

    # Neither the list nor sending the form once more shows it or makes another.
    assert not KEY.search(_page(client.get("/keys/")))
    again = client.post("/keys/", data, follow=True)
    assert not KEY.search(_page(again))
    assert "made already" in _page(again)
    assert alice.api_keys.count() == 1


def test_a_new_key_opens_the_door_and_a_revoked_one_does_not(client, transactional_db):
    alice = make_user("alice")
    client.force_login(alice)
    text = KEY.search(_page(_make(client)[1]))[0]
    assert asyncio.run(authenticate(text)).username == "alice"

    key = alice.api_keys.get()
    revoke = reverse("keys_revoke", args=[key.pk])
    assert "Revoke the key" in _page(client.get(revoke))
    assert alice.api_keys.get().revoked_at is None
    assert "is revoked" in _page(client.post(revoke, follow=True))
    wait_until(lambda: not _opens(text))


@pytest.mark.parametrize(("choice", "days"), [("30", 30), ("90", 90), ("365", 365), ("never", 0)])
def test_a_key_ends_when_it_was_said_to(client, alice, choice, days):
    _make(client, expires=choice)
    ends = alice.api_keys.get().expires_at
    if not days:
        assert ends is None
    else:
        assert abs(ends - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)


@pytest.mark.parametrize("fields", [{"name": ""}, {"name": "x" * 81}, {"expires": "7000"}])
def test_what_is_wrong_is_said_and_no_key_is_made(client, alice, fields):
    _, response = _make(client, **fields)
    assert "errorlist" in _page(response)
    assert not KEY.search(_page(response))
    assert not alice.api_keys.exists()


def test_the_list_says_what_state_each_key_is_in(client, alice):
    now = timezone.now()
    make_key(alice, name="fresh")
    make_key(alice, name="used", last_used_at=now - timedelta(hours=2))
    make_key(alice, name="over", expires_at=now - timedelta(days=1))
    make_key(alice, name="gone", revoked_at=now)
    response = client.get("/keys/")
    assert [row.key.name for row in response.context["keys"]][:2] == ["used", "fresh"]
    page = _page(response)
    assert page.count('badge-ok">Live') == 2
    assert "Expired" in page
    assert "Revoked" in page
    assert "2 hours ago" in page


@pytest.mark.parametrize(
    ("typed", "kept", "shown"),
    [
        ({}, (None, None), ""),
        ({"requests_per_minute": "60"}, (60, None), "60 requests a minute"),
        ({"concurrent_requests": "1"}, (None, 1), "1 at once"),
        (
            {"requests_per_minute": "1000", "concurrent_requests": "4"},
            (1000, 4),
            "1,000 requests a minute, 4 at once",
        ),
    ],
)
def test_a_key_has_the_limits_that_were_typed(client, alice, typed, kept, shown):
    _, response = _make(client, **typed)
    key = alice.api_keys.get()
    assert (key.requests_per_minute, key.concurrent_requests) == kept
    assert [row.limits for row in response.context["keys"]] == [shown]
    assert shown in _page(response)


def test_the_servers_limits_are_shown_and_can_be_lowered_only(client, alice, settings):
    settings.KEY_REQUESTS_PER_MINUTE, settings.KEY_CONCURRENT_REQUESTS = 60, 4
    page = _page(client.get("/keys/"))
    assert "Empty: 60, the most here." in page
    assert "Empty: 4, the most here." in page
    for more in ({"requests_per_minute": "61"}, {"concurrent_requests": "5"}):
        assert "errorlist" in _page(_make(client, **more)[1])
    assert not alice.api_keys.exists()

    assert "60 requests a minute, 4 at once" in _page(_make(client)[1])
    assert "30 requests a minute, 4 at once" in _page(_make(client, requests_per_minute="30")[1])


@pytest.mark.parametrize("wrong", ["0", "-1", "1.5", "many", "1000001"])
@pytest.mark.parametrize("field", ["requests_per_minute", "concurrent_requests"])
def test_a_limit_is_a_number_of_requests(client, alice, field, wrong):
    assert "errorlist" in _page(_make(client, **{field: wrong})[1])
    assert not alice.api_keys.exists()


def test_an_empty_list_says_what_to_do_first(client, alice):
    assert "Make the first one above" in _page(client.get("/keys/"))


def test_a_name_is_text_and_nothing_else(client, alice):
    create_key(user=alice, name="<script>alert(1)</script>")
    assert "<script>alert" not in _page(client.get("/keys/"))


def test_strangers_neither_see_nor_revoke(client, alice):
    key = make_key(alice, name="of alice")
    client.force_login(make_user("charlie"))
    assert "of alice" not in _page(client.get("/keys/"))
    url = reverse("keys_revoke", args=[key.pk])
    assert client.get(url).status_code == 404
    assert client.post(url).status_code == 404
    assert ApiKey.objects.get(pk=key.pk).revoked_at is None


@pytest.mark.parametrize("path", ["/keys/", "/keys/1/revoke/"])
def test_without_signing_in_one_is_sent_to_do_so(client, path):
    for response in (client.get(path), client.post(path)):
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("account_login"))

"""Who may ask: a key, or a session with CSRF; everyone else gets the one answer."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from router_app.gateway import keys
from router_app.gateway.keys import create_key
from router_app.models import ApiKey, Membership, RoutingDecision, User
from router_app.providers.scripted import ScriptedProvider
from tests.api.conftest import CLIENT, Asker
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db(transaction=True)

CSRF = "a" * 32
BODY = {"prompt": "Explain quicksort", "budget": 0.01}


def unknown() -> str:
    """Right in every respect, but nobody's."""
    secret = keys.PREFIX + "A" * keys.SECRET_LENGTH
    return secret + keys._checksum(secret)


def wrong_checksum(key: str) -> str:
    return key[:-1] + ("a" if key[-1] != "a" else "b")


def revoked(alice: User) -> str:
    row, text = create_key(user=alice, name="revoked")
    keys.revoke(row)
    return text


def expired(alice: User) -> str:
    row, text = create_key(user=alice, name="expired")
    ApiKey.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    return text


def of_closed_account() -> str:
    bob = User.objects.create_user("bob", is_active=False)
    return create_key(user=bob, name="closed")[1]


def send(**headers: str) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return CLIENT.post("/route", json.dumps(BODY), content_type="application/json", headers=named)


def test_all_that_is_wrong_with_a_key_looks_the_same(key: str, alice: User) -> None:
    headers = [
        f"Bearer {unknown()}",
        f"Bearer {wrong_checksum(key)}",
        f"Bearer {revoked(alice)}",
        f"Bearer {expired(alice)}",
        f"Bearer {of_closed_account()}",
        f"Bearer {key} {key}",
        f"Bearer {key},Bearer {key}",
        f"Bearer {key.lower()}",
        f"Bearer {key}0",
        f"Bearer {key[:-1]}",
        "Bearer " + "x" * 7000,
        "Bearer sk-proj-0123456789",
        "Bearer schlüssel",
        "Bearer",
        "Bearer ",
        "",
        key,
        f"Token {key}",
        f"Basic {key}",
        f"Bearer{key}",
    ]
    answers = [send(), *(send(authorization=header) for header in headers)]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert len({_headers(answer) for answer in answers}) == 1
    assert answers[0]["WWW-Authenticate"] == "Bearer"
    assert json.loads(answers[0].content)["error"]["code"] == "invalid_api_key"


def _headers(answer: HttpResponse) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(item for item in answer.items() if item[0] != "x-request-id"))


def test_a_key_opens_the_door_however_bearer_is_spelled(
    key: str, provider: ScriptedProvider
) -> None:
    assert send(authorization=f"bearer {key}").status_code == 200
    assert send(authorization=f"BEARER   {key} ").status_code == 200


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [(b"{", "application/json"), (b"", "text/plain"), (b"x" * 3_000_000, "application/json")],
)
def test_who_asks_comes_before_what_is_asked(raw: bytes, content_type: str, alice: User) -> None:
    assert CLIENT.post("/route", raw, content_type=content_type).status_code == 401


@pytest.mark.parametrize("path", ["/stats", "/stats?period=never"])
def test_stats_are_not_for_anyone(path: str, alice: User) -> None:
    assert CLIENT.get(path).status_code == 401


def test_a_request_is_booked_to_the_key_it_came_with(
    asker: Asker, alice: User, provider: ScriptedProvider
) -> None:
    asker.ask()

    decision = RoutingDecision.objects.get()
    assert decision.user == alice
    assert decision.api_key == ApiKey.objects.get()
    assert decision.face == "route"


def test_a_key_never_touches_the_session(
    key: str, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*args: Any) -> None:
        raise AssertionError("the session was read")

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", forbidden)

    answer = send(authorization=f"Bearer {key}")

    assert answer.status_code == 200
    assert not answer.cookies
    assert "Vary" not in answer


def test_a_wrong_key_is_not_saved_by_a_session(alice: User) -> None:
    client = Client()
    client.force_login(alice)

    answer = client.get("/stats", headers={"authorization": f"Bearer {unknown()}"})

    assert answer.status_code == 401


def test_a_session_asks_with_its_csrf_token(signed_in: Client, provider: ScriptedProvider) -> None:
    answer = signed_in.post("/route", BODY, "application/json", headers={"x-csrftoken": CSRF})

    assert answer.status_code == 200
    assert RoutingDecision.objects.get().api_key is None


def test_a_session_asks_in_the_workspace_of_the_switcher(
    alice: User, signed_in: Client, provider: ScriptedProvider
) -> None:
    team, token = make_team(make_user("ann"), member=[alice]), {"x-csrftoken": CSRF}
    signed_in.post("/workspaces/choose/", {"workspace": team.pk}, headers=token)
    assert signed_in.post("/route", BODY, "application/json", headers=token).status_code == 200
    assert RoutingDecision.objects.get().workspace == team

    # Who has left is at home again.
    Membership.objects.filter(workspace=team, user=alice).update(left_at=timezone.now())
    assert signed_in.post("/route", BODY, "application/json", headers=token).status_code == 200
    assert RoutingDecision.objects.latest("created_at").workspace == alice.personal_workspace


@pytest.mark.parametrize("headers", [{}, {"x-csrftoken": "b" * 32}, {"x-csrftoken": "short"}])
def test_a_session_without_its_csrf_token_is_refused(
    headers: dict[str, str], signed_in: Client, provider: ScriptedProvider
) -> None:
    answer = signed_in.post("/route", BODY, "application/json", headers=headers)

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "permission_denied"
    assert not provider.calls


def test_a_form_of_another_site_is_refused(signed_in: Client, provider: ScriptedProvider) -> None:
    answer = signed_in.post("/route", {"prompt": "x", "budget": "1"})

    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/json"


def test_looking_at_stats_needs_no_token(signed_in: Client) -> None:
    assert signed_in.get("/stats").status_code == 200


def test_a_closed_account_is_out_at_once(signed_in: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert signed_in.get("/stats").status_code == 401


@pytest.fixture
def signed_in(alice: User) -> Client:
    """Alice's browser, as strict about CSRF as the real site."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    client.cookies["csrftoken"] = CSRF
    return client

"""One Idempotency-Key, two servers, one database: one call, whatever happens to who made it.

Real processes and real sockets; on SQLite here, on PostgreSQL through tests/test_postgres.py.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import httpx2
import openai
import pytest
from django.db.models import F
from django.utils import timezone

from router_app.gateway.keys import create_key
from router_app.models import Call, IdempotentRequest, Provider, Reservation, RoutingDecision, User
from tests.gateway.books import assert_clean, assert_nothing_held
from tests.providers.hostile import HostileUpstream
from tests.stories.servers import Gunicorn

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ROUTE = ("/route", {"prompt": "Explain quicksort", "budget": 0.01})
CHAT = {"model": "auto", "messages": [{"role": "user", "content": "Explain quicksort"}]}
WHOLE = ("/v1/chat/completions", CHAT)
STREAM = ("/v1/chat/completions", {**CHAT, "stream": True})
Asking = tuple[str, dict[str, Any]]
LEASE = timedelta(minutes=5)  # longer than any


@pytest.fixture
def upstream(alice: User) -> Iterator[HostileUpstream]:
    with HostileUpstream() as server:
        Provider.objects.filter(slug="demo").update(base_url=server.url("answers"))
        yield server


@pytest.fixture
def headers(alice: User) -> dict[str, str]:
    key = create_key(user=alice, name="tests")[1]
    return {"Authorization": f"Bearer {key}", "Idempotency-Key": "order-1"}


@pytest.fixture
def servers(upstream: HostileUpstream, tmp_path: Path) -> Iterator[list[Gunicorn]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Gunicorn(tmp_path)) for _ in range(2)]


def post(server: Gunicorn, asking: Asking, headers: dict[str, str]) -> httpx.Response:
    path, body = asking
    return httpx.post(f"{server.url}{path}", json=body, headers=headers, timeout=30)


def code_of(response: httpx.Response) -> Any:
    return response.json().get("error", {}).get("code")


@pytest.mark.parametrize("asking", [ROUTE, STREAM], ids=["route", "stream"])
def test_fifty_at_once_over_two_servers(
    asking: Asking, servers: list[Gunicorn], headers: dict[str, str], upstream: HostileUpstream
) -> None:
    upstream.hold()

    async def story() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=50)
        async with httpx.AsyncClient(headers=headers, timeout=60, limits=limits) as client:
            asked = [
                asyncio.create_task(client.post(f"{servers[n % 2].url}{asking[0]}", json=asking[1]))
                for n in range(50)
            ]
            await upstream.eventually(lambda: sum(task.done() for task in asked) == 49, 60)
            upstream.let_go()
            return list(await asyncio.gather(*asked))

    responses = asyncio.run(story())

    [answered] = [response for response in responses if response.status_code == 200]
    busy = [response for response in responses if response is not answered]
    assert {code_of(response) for response in busy} == {"idempotency_key_in_use"}
    assert {response.headers["Retry-After"] for response in busy} == {"1"}
    for server in servers:
        again = post(server, asking, headers)
        assert (again.status_code, again.content) == (200, answered.content)
        assert again.headers["Idempotent-Replayed"] == "true"
    assert len(upstream.received) == len(upstream.bill) == 1
    assert Reservation.objects.count() == Call.objects.count() == 1
    assert_nothing_held()
    assert_clean()


@pytest.mark.parametrize("asking", [STREAM], ids=["stream"])
def test_the_server_is_killed_during_the_call(
    asking: Asking, servers: list[Gunicorn], headers: dict[str, str], upstream: HostileUpstream
) -> None:
    upstream.hold()

    async def story() -> None:
        async with httpx.AsyncClient(headers=headers, timeout=60) as client:
            asked = asyncio.create_task(client.post(f"{servers[0].url}{asking[0]}", json=asking[1]))
            await upstream.eventually(lambda: len(upstream.received) == 1, 30)
            servers[0].kill()
            with pytest.raises(httpx.TransportError):
                await asked

    asyncio.run(story())
    upstream.let_go()

    # Within the lease it may yet be answered, for all that anybody knows.
    assert code_of(post(servers[1], asking, headers)) == "idempotency_key_in_use"

    _lease_is_over()
    for _ in range(2):
        unknown = post(servers[1], asking, headers)
        assert (unknown.status_code, code_of(unknown)) == (409, "outcome_unknown")
        assert unknown.headers["x-should-retry"] == "false"
        assert unknown.json()["error"]["id"] == str(RoutingDecision.objects.get().pk)
    assert len(upstream.received) == 1
    assert Call.objects.get().outcome == "presumed"
    assert_nothing_held()
    assert_clean()

    # A new key is a new request.
    assert post(servers[1], asking, {**headers, "Idempotency-Key": "order-2"}).status_code == 200
    assert len(upstream.received) == 2


def _lease_is_over() -> None:
    now = timezone.now()
    Reservation.objects.update(created_at=F("created_at") - LEASE, lease_ends_at=now)
    RoutingDecision.objects.update(created_at=F("created_at") - LEASE)


@pytest.mark.parametrize("asking", [WHOLE, STREAM], ids=["whole", "stream"])
def test_the_client_leaves_and_comes_back_to_another_server(
    asking: Asking, servers: list[Gunicorn], headers: dict[str, str], upstream: HostileUpstream
) -> None:
    upstream.hold()

    async def story() -> None:
        async with httpx.AsyncClient(headers=headers, timeout=60) as client:
            asked = asyncio.create_task(client.post(f"{servers[0].url}{asking[0]}", json=asking[1]))
            await upstream.eventually(lambda: len(upstream.received) == 1, 30)
            asked.cancel()

    asyncio.run(story())
    assert code_of(post(servers[1], asking, headers)) == "idempotency_key_in_use"
    upstream.let_go()
    upstream.wait_until(lambda: IdempotentRequest.objects.filter(status=200).exists(), 30)

    again = post(servers[1], asking, headers)

    assert again.status_code == 200
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content.endswith(b"data: [DONE]\n\n") or again.json()["id"]
    assert len(upstream.received) == len(upstream.bill) == 1
    assert_nothing_held()
    assert_clean()


def test_the_server_is_stopped_during_a_call_that_nobody_waits_for(
    servers: list[Gunicorn], headers: dict[str, str], upstream: HostileUpstream
) -> None:
    upstream.hold()

    async def story() -> None:
        async with httpx.AsyncClient(headers=headers, timeout=60) as client:
            asked = asyncio.create_task(client.post(f"{servers[0].url}{ROUTE[0]}", json=ROUTE[1]))
            await upstream.eventually(lambda: len(upstream.received) == 1, 30)
            asked.cancel()

    asyncio.run(story())
    servers[0].terminate()
    upstream.let_go()

    # What became of it was written down before the process ended.
    again = post(servers[1], ROUTE, headers)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.status_code in (502, 503)
    assert again.json()["error"]["id"] == str(RoutingDecision.objects.get().pk)
    assert len(upstream.received) == 1
    assert_nothing_held()
    assert_clean()


def test_openais_client_is_impatient_and_asks_again_by_itself(
    servers: list[Gunicorn], headers: dict[str, str], upstream: HostileUpstream
) -> None:
    upstream.hold()
    statuses: list[int] = []

    def saw(response: httpx2.Response) -> None:
        statuses.append(response.status_code)
        upstream.let_go()  # it has given up once, and was told to wait

    key = headers["Authorization"].removeprefix("Bearer ")
    with openai.OpenAI(
        base_url=f"{servers[0].url}/v1",
        api_key=key,
        timeout=1.0,
        max_retries=10,
        http_client=openai.DefaultHttpxClient(event_hooks={"response": [saw]}),
    ) as client:
        answer = client.chat.completions.create(
            **CHAT, extra_headers={"Idempotency-Key": headers["Idempotency-Key"]}
        )

    assert answer.choices[0].message.content
    assert statuses[0] == 409 and statuses[-1] == 200
    assert len(upstream.received) == len(upstream.bill) == 1
    assert_nothing_held()
    assert_clean()

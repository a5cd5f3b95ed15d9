"""The hostile upstream through `/v1`, whole and streamed: proper ends and clean books."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings

from router_app.gateway import execution
from router_app.gateway.cooling import cooling
from router_app.models import Call, LanguageModel, Provider
from tests.api.v1.calling import COMPLETIONS, HELLO, Program, Response
from tests.api.v1.test_schema import DOCUMENT, check
from tests.gateway.books import assert_clean, assert_nothing_held
from tests.providers import behaviours
from tests.providers.hostile import HostileUpstream

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

MODEL = "openai/gpt-oss-20b"
ENDS = ("stop", "length", "tool_calls", "content_filter")


@pytest.fixture(scope="module")
def upstream() -> Iterator[HostileUpstream]:
    with HostileUpstream() as server:
        yield server


@pytest.fixture(autouse=True)
def _impatient(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CALL_CONNECT_SECONDS = 0.5
    settings.CALL_FIRST_TOKEN_SECONDS = 0.3
    settings.CALL_BETWEEN_TOKENS_SECONDS = 0.3
    settings.CALL_WHOLE_SECONDS = 1.0
    settings.CALL_TOTAL_SECONDS = 2.0
    monkeypatch.setattr(execution.retries, "delay_seconds", lambda *_: 0.01)


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
def test_every_answer_ends_properly(
    streams: bool, program: Program, upstream: HostileUpstream, able: None
) -> None:
    for behaviour in sorted(behaviours.BY_NAME):
        meet(upstream.url(behaviour))
        before = Call.objects.count()

        body = {"model": MODEL, "messages": HELLO, "max_tokens": 64, "stream": streams}
        response = program.post(body)

        try:
            assert Call.objects.count() > before
            assert_ends_properly(response)
        except Exception as error:
            raise AssertionError(f"{behaviour}: {response.content[-2000:]!r}") from error
    assert not Call.objects.filter(outcome="running").exists()
    assert_clean()
    assert_nothing_held()


def meet(url: str) -> None:
    """The provider is there from now on, and nothing is known of it."""
    LanguageModel.objects.update(unavailable_since=None, unavailable_reason="")
    cooling.__init__()  # type: ignore[misc]
    provider = Provider.objects.get(slug="demo")
    provider.base_url = url
    provider.save()


def assert_ends_properly(response: Response) -> None:
    """It fits the schema, tells nothing of the provider's, and says whether it is whole."""
    assert response.is_whole
    assert b"secret" not in response.content.lower()
    assert str(response.status) in DOCUMENT["paths"][COMPLETIONS]["post"]["responses"]
    if response.headers["content-type"] == "application/json":
        check(COMPLETIONS, "post", response)
        return
    assert response.status == 200
    *chunks, last = response.events
    if last == "[DONE]":
        check(COMPLETIONS, "post", response)
        assert chunks[-1]["choices"][0]["finish_reason"] in ENDS
        assert chunks[-1]["router"]["call_id"] == response.headers["x-router-call-id"]
    else:
        assert_is_error(last)


def assert_is_error(event: Any) -> None:
    assert {"message", "type", "code", "id", "actual_cost"} <= set(event["error"])
    assert json.dumps(event, default=str)

"""Whole answers: OpenAI's shape, and what is ours in it."""

import pytest

from router_app.models import ApiKey, RoutingDecision, User
from router_app.providers.scripted import ScriptedProvider
from tests.api.v1.calling import Program

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_answer(program: Program, alice: User, provider: ScriptedProvider) -> None:
    response = program.ask()

    assert response.status == 200
    body = response.json()
    assert body["choices"][0]["message"] == {
        "role": "assistant",
        "content": "Hello.",
        "refusal": None,
    }
    decision = RoutingDecision.objects.get()
    assert (decision.face, decision.user, decision.api_key) == ("v1", alice, ApiKey.objects.get())

"""`ask`: text on one stream, the price on the other, and an exit code that says what happened."""

import json

import pytest
from django.core.management import CommandError, call_command

from router_app.models import Call, LanguageModel, RoutingDecision, User
from router_app.providers.base import (
    Billing,
    FailureKind,
    Finished,
    ProviderFailure,
    TextDelta,
    Usage,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _cast(alice: User, provider: object) -> None:
    """Alice has $5 a month; whatever she asks, the scripted provider answers."""


def test_the_answer_streams_to_one_side_and_its_price_to_the_other(provider, capsys):
    provider.enqueue(
        TextDelta("Divide"), TextDelta(" and conquer."), Finished("stop", Usage(12, 5))
    )
    call_command("ask", "Explain quicksort", user="alice", task="code", quality="high")

    said = capsys.readouterr()
    assert said.out == "Divide and conquer.\n"
    assert "llama-3.3-70b-versatile" in said.err
    assert "stand-in" in said.err
    assert "12 in, 5 out" in said.err
    decision = RoutingDecision.objects.get()
    assert (decision.face, decision.task_type, decision.outcome) == ("command", "code", "answered")


def test_a_persons_own_defaults_hold_unless_said_otherwise(alice, capsys):
    User.objects.update(default_task="email", default_quality="low", default_budget_nanos=7_000_000)
    call_command("ask", "Write to Bob", user="alice")
    decision = RoutingDecision.objects.get()
    assert (decision.task_type, decision.quality) == ("email", "low")
    assert decision.budget_nanos == 7_000_000

    call_command("ask", "Hm", "--user=alice", "--budget=$0,02", "--model=openai/gpt-oss-20b",
                 "--max-tokens=100")  # fmt: skip
    decision = RoutingDecision.objects.latest("created_at")
    assert (decision.budget_nanos, decision.requested_model) == (20_000_000, "openai/gpt-oss-20b")
    assert Call.objects.latest("created_at").output_cap_tokens == 100


def test_json_is_what_the_api_answers(provider, capsys):
    call_command("ask", "Hi", "--user", "alice", "--json")
    reply = json.loads(capsys.readouterr().out)
    assert reply["response"] == "Hello."
    six = {"model", "response", "estimated_cost", "actual_cost", "tokens_used", "routing_reason"}
    assert six <= set(reply)
    assert round(reply["actual_cost"] * 1e9) == Call.objects.get().cost_nanos


def test_text_cannot_command_the_terminal(provider, capsys):
    hostile = "\x1b]0;owned\x07\x1b[2Jred\x9b31m\u202e\tand\nplain"
    provider.enqueue(TextDelta(hostile), Finished("stop", Usage(1, 1)))
    call_command("ask", "Hi", user="alice")
    assert capsys.readouterr().out == "]0;owned[2Jred31m\tand\nplain\n"


def _exit_code(*arguments: str) -> int:
    with pytest.raises(CommandError) as caught:
        call_command("ask", *arguments)
    return caught.value.returncode


def test_a_budget_that_says_no_is_three(alice, provider):
    alice.budgets.update(limit_nanos=0)
    assert _exit_code("Hi", "--user=alice") == 3
    assert provider.calls == []


def test_no_model_is_four(provider):
    for model in LanguageModel.objects.all():
        model.status = "off"
        model.save()
    assert _exit_code("Hi", "--user=alice") == 4


def test_a_provider_that_fails_is_five(provider):
    down = ProviderFailure(FailureKind.SERVER, "it is down", billing=Billing.NOT_BILLED)
    provider.default = (down,)
    with pytest.raises(CommandError, match=r"Charged: \$0\.00") as caught:
        call_command("ask", "Hi", user="alice")
    assert caught.value.returncode == 5


def test_an_answer_that_breaks_off_is_shown_as_far_as_it_came_and_is_five(provider, capsys):
    provider.default = (TextDelta("Half an"),)
    assert _exit_code("Hi", "--user=alice") == 5
    said = capsys.readouterr()
    assert said.out == "Half an\n"
    assert "$" in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["Hi"],
        ["--user=alice"],
        ["", "--user=alice"],
        ["Hi", "--user=mallory"],
        ["Hi", "--user=alice", "--task=poems"],
        ["Hi", "--user=alice", "--budget=0"],
        ["Hi", "--user=alice", "--max-tokens=0"],
        ["Hi", "--user=alice", "--model=no-such-model"],
        ["x" * 100_001, "--user=alice"],
    ],
)
def test_wrong_usage_asks_nobody(provider, arguments):
    assert _exit_code(*arguments) in (1, 2)  # argparse itself exits with 2, in a shell
    assert provider.calls == []
    assert not RoutingDecision.objects.exists()


@pytest.mark.embedded
def test_where_nothing_else_answers_the_embedded_model_does(settings, alice, capsys):
    from budgetrouter.serving.stand_in import is_installed

    if not is_installed():
        pytest.skip("the embedded model is not installed")
    settings.DEMO_BASE_URL = ""
    call_command("ask", "Say hello", user="alice")
    said = capsys.readouterr()
    assert said.out.strip()
    assert "written by the local stand-in" in said.err
    assert settings.DEMO_BASE_URL == ""


def test_where_nothing_answers_it_is_four(settings, alice, monkeypatch):
    monkeypatch.setattr("budgetrouter.serving.stand_in.is_installed", lambda: False)
    settings.DEMO_BASE_URL = ""
    assert _exit_code("Hi", "--user=alice") == 4


def test_what_ends_the_command_ends_the_answer(provider, monkeypatch):
    """As when its reader went away, or Ctrl-C was pressed: stopped, and charged for what ran."""
    from router_app.providers.scripted import Gate

    provider.enqueue(TextDelta("One"), Gate(), Finished("stop", Usage(1, 1)))

    def broken(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("router_app.management.commands.ask.Command._say", broken)
    with pytest.raises(BrokenPipeError):
        call_command("ask", "Hi", user="alice")
    assert Call.objects.get().outcome == "stopped"
    call_command("check_ledger")

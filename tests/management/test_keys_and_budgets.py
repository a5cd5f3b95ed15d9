"""`create_api_key`, `set_budget` and `createsuperuser`, as an operator uses them."""

import asyncio
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from router_app.gateway.keys import authenticate, looks_like_a_key
from router_app.models import Budget, Period, User
from tests.factories import CENT, DOLLAR, make_budget, make_user, make_window

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice", time_zone="Africa/Cairo")


@pytest.mark.django_db(transaction=True)
def test_a_key_is_printed_alone_and_opens_the_door(capsys):
    make_user("alice")
    call_command("create_api_key", "alice", name="nightly")
    said = capsys.readouterr()
    text = said.out.rstrip("\n")
    assert looks_like_a_key(text)
    assert said.err == ""
    assert asyncio.run(authenticate(text)).username == "alice"


def test_a_key_can_end(alice, capsys):
    call_command("create_api_key", "alice", expires_days=30)
    left = alice.api_keys.get().expires_at - timezone.now()
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)


def test_a_key_can_have_limits_of_its_own_or_none_though_the_server_has_some(alice, capsys):
    for options in ({}, {"requests_per_minute": 60, "concurrent_requests": 4}, {}):
        call_command("create_api_key", "alice", **options)
    call_command("create_api_key", "alice", "--requests-per-minute=0", "--concurrent-requests=0")
    keys = alice.api_keys.order_by("pk")
    limits = keys.values_list("requests_per_minute", "concurrent_requests")
    assert list(limits) == [(None, None), (60, 4), (None, None), (0, 0)]


@pytest.mark.parametrize("option", ["--requests-per-minute", "--concurrent-requests"])
@pytest.mark.parametrize("wrong", ["-1", "many", "1.5"])
def test_a_limit_is_a_whole_number(alice, option, wrong):
    with pytest.raises(CommandError, match="whole number"):
        call_command("create_api_key", "alice", f"{option}={wrong}")
    assert not alice.api_keys.exists()


@pytest.mark.parametrize("command", ["create_api_key", "set_budget"])
def test_an_unknown_person_is_named(db, command):
    more = ["--period", "day", "--limit", "1"] if command == "set_budget" else []
    with pytest.raises(CommandError, match="There is no account called 'mallory'") as caught:
        call_command(command, "mallory", *more)
    assert caught.value.returncode == 2


def test_a_closed_account_gets_no_key(alice):
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="is closed"):
        call_command("create_api_key", "alice")


@pytest.mark.parametrize("days", ["0", "-1", "soon", "1.5", "99999999"])
def test_an_end_is_a_number_of_days(alice, days):
    with pytest.raises(CommandError, match="whole number"):
        call_command("create_api_key", "alice", f"--expires-days={days}")
    assert not alice.api_keys.exists()


def test_a_limit_is_made_and_what_is_in_force_is_printed(alice, capsys, time_machine):
    time_machine.move_to("2026-11-23T10:00:00Z")
    call_command("set_budget", "alice", "--period", "month", "--limit", "$20")
    budget = Budget.objects.get()
    assert (budget.limit_nanos, budget.set_by_administrator) == (20 * DOLLAR, True)
    assert capsys.readouterr().out == (
        "alice: Monthly limit, $20.00 ($0.00 spent, $0.00 held, $20.00 free), "
        "resets on 2026-12-01 at 00:00, Africa/Cairo time, set by an administrator\n"
    )


@pytest.mark.parametrize("period", Period.values)
@pytest.mark.parametrize("task", ["", "code"])
def test_each_period_and_task_has_one_limit_of_the_administrators(alice, capsys, period, task):
    more = ["--task", task] if task else []
    for amount in ("1", "2.5"):
        call_command("set_budget", "alice", "--period", period, "--limit", amount, *more)
    budget = Budget.objects.get()
    assert (budget.period, budget.task_type) == (period, task)
    assert budget.limit_nanos == 250 * CENT


def test_the_owners_limit_of_the_kind_becomes_the_administrators_at_once(alice, capsys):
    budget = make_budget(alice)
    other = make_budget(alice, period="day")
    window = make_window(budget, spent_nanos=3 * DOLLAR)

    call_command("set_budget", "alice", "--period", "month", "--limit", "2")

    budget.refresh_from_db()
    window.refresh_from_db()
    assert budget.set_by_administrator
    assert (window.limit_nanos, window.free_nanos) == (2 * DOLLAR, 0)
    other.refresh_from_db()
    assert not other.set_by_administrator
    lines = capsys.readouterr().out.splitlines()
    assert ["set by the owner" in line for line in lines] == [True, False]
    assert "$2.00 ($3.00 spent, $0.00 held, $0.00 free), never resets" in lines[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--period", "hour", "--limit", "1"],
        ["--period", "day", "--limit", "lots"],
        ["--period", "day", "--limit", "-1"],
        ["--period", "day", "--limit", "0.0000000001"],
        ["--period", "day", "--limit", "1000001"],
        ["--period", "day", "--limit", "1", "--task", "poems"],
        ["--period", "day"],
        ["--limit", "1"],
    ],
)
def test_wrong_arguments_change_nothing(alice, arguments):
    with pytest.raises(CommandError):
        call_command("set_budget", "alice", *arguments)
    assert not Budget.objects.exists()


def test_a_superuser_begins_with_a_limit_too(db, monkeypatch, capsys):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")
    call_command("createsuperuser", "--noinput", username="root", email="root@example.org")
    assert Budget.objects.get(user__username="root").period == "month"

"""The rollup made again from the calls, and what a check says of one that is off."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction

from router_app.analytics import usage_rebuild
from router_app.analytics.usage import KEY, SUMS
from router_app.models import Call, UsageRollup, User
from tests import factories as make

pytestmark = pytest.mark.django_db
MIDNIGHT = datetime(2026, 11, 15, tzinfo=UTC)


def everything() -> set[tuple[object, ...]]:
    return set(UsageRollup.objects.values_list(*KEY, *SUMS))


@pytest.fixture
def alice() -> User:
    """With calls of several days, a retry over midnight, a correction and one under way."""
    alice = make.make_user("alice")
    models = list(make.make_catalogue().values())
    for hours in range(0, 96, 5):
        call = make.make_call(alice, models[hours % 4], at=MIDNIGHT - timedelta(hours=hours))
    make.correct_call(call, -3)
    failed = make.make_call(
        alice, models[0], outcome="failed", at=MIDNIGHT - timedelta(microseconds=1)
    )
    make.make_call(alice, models[1], decision=failed.decision, at=MIDNIGHT)
    make.make_call(alice, models[2], outcome="failed", sent=False, at=MIDNIGHT)
    make.make_call(alice, models[3], outcome="running", at=MIDNIGHT)
    make.make_call(make.make_user("bob"), models[0], at=MIDNIGHT)
    return alice


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("rebuild_usage", *arguments, stdout=out)
    return out.getvalue()


def _empty() -> None:
    UsageRollup.objects.all().delete()


def _damage() -> None:
    UsageRollup.objects.filter(seconds=900).update(cost_nanos=7)
    UsageRollup.objects.filter(seconds=3600)[:1].get().delete()
    UsageRollup.objects.filter(seconds=86_400).update(requests=99)


def _leftover() -> None:
    """Of a time in which no call was made, as after a call was deleted."""
    row = UsageRollup.objects.filter(seconds=86_400)[:1].get()
    UsageRollup.objects.create(
        workspace_id=row.workspace_id, user_id=row.user_id, seconds=86_400,
        starts_at=MIDNIGHT - timedelta(days=400),
        model_id=row.model_id, task_type="code", calls=1,
    )  # fmt: skip


@pytest.mark.parametrize("most_calls", [3, 1_000_000])
@pytest.mark.parametrize("harm", [_empty, _damage, _leftover])
def test_gives_what_was_summed_call_by_call(
    alice: User, harm: Callable[[], None], most_calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_rebuild, "MOST_CALLS", most_calls)
    before = everything()
    harm()
    assert everything() != before
    assert run() == "Summed 24 calls of 2 people.\n"
    assert everything() == before
    assert run() == "Summed 24 calls of 2 people.\n"
    assert everything() == before


def test_a_check_of_what_is_right_says_so(alice: User) -> None:
    assert run("--check") == "clean: the usage rollup says what the calls say\n"


@pytest.mark.parametrize("harm", [_empty, _damage, _leftover])
def test_a_check_finds_what_is_off_and_leaves_it(alice: User, harm: Callable[[], None]) -> None:
    harm()
    before = everything()
    with pytest.raises(CommandError, match="rows of the usage rollup are off") as failed:
        run("--check")
    assert failed.value.returncode == 1
    assert everything() == before


def test_a_difference_is_said_in_words(alice: User) -> None:
    bob = User.objects.get(username="bob")
    UsageRollup.objects.filter(user=bob, seconds=900).update(cost_nanos=5, calls=3)
    cost = Call.objects.get(user=bob).cost_nanos
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("rebuild_usage", check=True, stdout=out)
    first, *_ = out.getvalue().splitlines()
    assert first.startswith(f"usage of person {bob.pk}, 900 s from 2026-11-15 00:00:00")
    assert first.endswith(f"general: +2 calls, {5 - cost:+} cost_nanos")


@pytest.mark.parametrize("harm", [_empty, _damage, _leftover])
def test_so_does_the_check_of_the_ledger(alice: User, harm: Callable[[], None]) -> None:
    assert list(usage_rebuild.total_differences()) == []
    harm()
    found = list(usage_rebuild.total_differences())
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("check_ledger", stdout=out)
    assert found
    assert set(found) <= set(out.getvalue().splitlines())


def test_progress_is_told(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from router_app.management.commands import rebuild_usage

    monkeypatch.setattr(rebuild_usage, "SECONDS_BETWEEN_REPORTS", 0)
    assert run().splitlines() == ["… 23 calls", "… 24 calls", "Summed 24 calls of 2 people."]


def test_without_calls_there_is_nothing_to_do(db: None) -> None:
    assert run() == "Summed 0 calls of 0 people.\n"
    assert run("--check").startswith("clean")


def test_an_older_installation_is_summed_when_it_is_migrated(alice: User) -> None:
    before = everything()
    _empty()
    migration = import_module("router_app.migrations.0006_workspaces")
    migration.sum_up(None, SimpleNamespace(connection=connection))
    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_calls_that_are_closed_meanwhile_are_counted_once() -> None:
    people = [make.make_user() for _ in range(2)]
    model, stop = make.make_model(), threading.Event()

    def ask() -> None:
        while not stop.is_set():
            for person in people:
                with transaction.atomic():
                    make.make_call(person, model, at=MIDNIGHT)
        connection.close()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(20):
            run()
    finally:
        stop.set()
        asking.join()
    assert run("--check").startswith("clean")
    assert UsageRollup.objects.exists()

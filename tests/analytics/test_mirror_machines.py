"""Several machines on one database, each with a file of its own: all have the same lines."""

import json
import logging
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from router_app.analytics import mirror
from router_app.analytics.mirror import outbox
from router_app.models import ClosedCall, User
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "here" / "requests.jsonl"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there" / "requests.jsonl"


@pytest.fixture
def alice() -> User:
    return make.make_user("alice")


def calls_in(log: Path) -> list[str]:
    return [json.loads(line)["call"] for line in log.read_bytes().splitlines()]


def in_order() -> list[str]:
    return [str(pk) for pk in ClosedCall.objects.order_by("line").values_list("call", flat=True)]


def dies_before_numbering(log: Path) -> None:
    with pytest.MonkeyPatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(outbox, "_number", _die)
        mirror.write_pending(log)


def _die(closings: list[int]) -> int:
    if closings:
        raise KeyboardInterrupt
    return 0


def test_each_takes_over_what_others_wrote(
    here: Path, there: Path, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    mirror.write_pending(there)
    for log in (here, there, there, here, here, there):
        make.make_call(alice)
        mirror.write_pending(log)
    assert mirror.write_pending(here) == 1
    assert here.read_bytes() == there.read_bytes()
    assert calls_in(here) == in_order()
    assert "request log" not in caplog.text


def test_an_idle_one_knows_that_it_is_behind(here: Path, there: Path, alice: User) -> None:
    make.make_call(alice)
    assert outbox.is_behind(here)
    for log in (here, there):
        mirror.write_pending(log)
        assert not outbox.is_behind(log)
    make.make_call(alice)
    mirror.write_pending(there)
    assert outbox.is_behind(here)
    assert not outbox.is_behind(there)


def test_one_that_joins_begins_with_the_next_line(here: Path, there: Path, alice: User) -> None:
    make.make_call(alice)
    mirror.write_pending(here)
    assert mirror.write_pending(there) == 0
    make.make_call(alice)
    mirror.write_pending(here)
    assert mirror.write_pending(there) == 1
    assert calls_in(there) == in_order()[1:]
    mirror.rebuild(there)
    assert calls_in(there) == in_order()


def test_one_that_was_moved_away_goes_on_where_it_ended(
    here: Path, there: Path, alice: User
) -> None:
    for log in (here, there):
        make.make_call(alice)
        mirror.write_pending(log)
    here.rename(here.with_suffix(".1"))
    for log in (there, there, here):
        make.make_call(alice)
        mirror.write_pending(log)
    assert calls_in(here.with_suffix(".1")) + calls_in(here) == in_order()


def test_more_than_one_append_takes_over(
    here: Path, there: Path, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_LINES", 2)
    mirror.write_pending(here)
    for _ in range(7):
        make.make_call(alice)
    mirror.write_pending(there)
    assert mirror.write_pending(here) == 7
    assert here.read_bytes() == there.read_bytes()


def test_lines_of_one_that_died_are_written_by_the_other(
    here: Path, there: Path, alice: User
) -> None:
    for log in (here, there):
        mirror.write_pending(log)
    for log in (here, there, here):
        make.make_call(alice)
        mirror.write_pending(log)
    for _ in range(3):
        make.make_call(alice)
    dies_before_numbering(here)
    assert mirror.write_pending(there) == 1 + 3
    make.make_call(alice)
    assert mirror.write_pending(here) == 1
    mirror.write_pending(there)
    assert here.read_bytes() == there.read_bytes()
    assert calls_in(here) == in_order()


@pytest.mark.parametrize("moved_away", [False, True])
def test_lines_that_got_other_neighbours_are_written_again(
    here: Path, there: Path, alice: User, moved_away: bool
) -> None:
    make.make_call(alice)
    mirror.write_pending(here)
    mirror.write_pending(there)
    if moved_away:
        here.rename(here.with_suffix(".1"))
    late = ClosedCall.objects.get(call=make.make_call(alice))
    ClosedCall.objects.filter(pk=late.pk).update(id=late.pk + 1000, line=-1)  # not committed yet
    for _ in range(2):
        make.make_call(alice)
    dies_before_numbering(here)
    ClosedCall.objects.filter(pk=late.pk + 1000).update(id=late.pk, line=None)
    mirror.write_pending(there)
    mirror.write_pending(here)
    files = [here.with_suffix(".1"), here] if moved_away else [here]
    assert [call for file in files for call in calls_in(file)] == in_order()
    assert in_order()[1] == str(late.call_id)


def test_lines_without_numbers_give_way_to_others(here: Path, there: Path, alice: User) -> None:
    make.make_call(alice)
    mirror.write_pending(here)
    make.make_call(alice)
    dies_before_numbering(here)
    other = ClosedCall.objects.get(call=make.make_call(alice))
    ClosedCall.objects.filter(pk=other.pk).update(line=2)
    assert mirror.write_pending(here) == 2
    assert calls_in(here) == in_order()


@pytest.mark.skipif(
    "sqlite" in settings.DATABASES["default"]["ENGINE"], reason="SQLite is on one machine"
)
@pytest.mark.django_db(transaction=True)
def test_two_at_once(here: Path, there: Path, alice: User) -> None:
    for log in (here, there):
        mirror.write_pending(log)
    others = [_machine(log) for log in (here, there)]
    try:
        for _ in range(80):
            make.make_call(alice)
    finally:
        for other in others:
            other.terminate()
            other.wait(20)
    for log in (here, there, here):
        mirror.write_pending(log)
    assert here.read_bytes() == there.read_bytes()
    assert calls_in(here) == in_order()
    assert len(in_order()) == 80


WRITE_UNTIL_STOPPED = """
    import pathlib, sys
    import django
    django.setup()
    from django.conf import settings
    settings.DATABASES["default"]["NAME"] = sys.argv[2]
    from router_app.analytics import mirror
    while True:
        mirror.write_pending(pathlib.Path(sys.argv[1]))
"""


def _machine(log: Path) -> subprocess.Popen[bytes]:
    """A process with a file of its own on the same database."""
    name = str(connection.settings_dict["NAME"])
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITE_UNTIL_STOPPED), str(log), name],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=settings.BASE_DIR,
    )

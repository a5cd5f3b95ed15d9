"""The thread and several processes: every line once, whoever writes it."""

import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from router_app.analytics import mirror
from router_app.analytics.mirror import facts, logfile, worker
from router_app.models import ClosedCall
from tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "requests.jsonl"


@pytest.fixture
def running(log: Path) -> Iterator[worker.MirrorWorker]:
    thread = worker.MirrorWorker(log)
    thread.start()
    yield thread
    assert thread.stop(10)


def eventually(condition: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def calls_in(log: Path) -> list[str]:
    return [json.loads(line)["call"] for line in log.read_bytes().splitlines()]


def closed_calls(order: str = "pk") -> list[str]:
    return [str(pk) for pk in ClosedCall.objects.order_by(order).values_list("call", flat=True)]


def all_written() -> bool:
    return mirror.lag().pending == 0


def test_a_poke_writes(log: Path, running: worker.MirrorWorker) -> None:
    alice = make.make_user()
    for _ in range(3):
        make.make_call(alice)
        running.poke()
    eventually(all_written)
    assert calls_in(log) == closed_calls()


def test_lines_of_a_process_that_died_are_written_without_a_poke(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "IDLE_SECONDS", 0.05)
    thread = worker.MirrorWorker(log)
    thread.start()
    make.make_call(make.make_user())
    eventually(all_written)
    assert thread.stop(10)


def test_a_broken_disk_is_said_once_and_tried_again(
    log: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(worker, "LONGEST_PAUSE_SECONDS", 0.02)
    log.mkdir()  # a folder where the file should be
    caplog.set_level(logging.INFO)
    alice = make.make_user()
    thread = worker.MirrorWorker(log)
    thread.start()
    for _ in range(5):
        make.make_call(alice)
        thread.poke()
    eventually(lambda: thread._failures > 5)
    log.rmdir()
    eventually(all_written)
    assert thread.stop(10)
    assert calls_in(log) == closed_calls()
    assert [(r.levelname, r.message) for r in caplog.records if "request log" in r.message] == [
        ("ERROR", "The request log cannot be written (Is a directory); its lines wait in the "
         "database."),
        ("WARNING", "The request log is written again."),
    ]  # fmt: skip


def test_an_error_of_ours_does_not_end_the_thread(
    log: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker, "FIRST_PAUSE_SECONDS", 0.01)
    make.make_call(make.make_user())
    with monkeypatch.context() as broken:
        broken.setattr(worker.outbox, "write_pending", _fails)
        thread = worker.MirrorWorker(log)
        thread.start()
        eventually(lambda: thread._failures > 1)
    eventually(all_written)
    assert thread.stop(10)
    assert "secret" not in caplog.text


def test_stopping_writes_what_is_due(log: Path) -> None:
    thread = worker.MirrorWorker(log)
    thread.start()
    make.make_call(make.make_user())
    assert thread.stop(10)
    assert calls_in(log) == closed_calls()


def test_lines_gather_and_stopping_does_not_wait_for_more(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "GATHER_SECONDS", 3600)
    alice = make.make_user()
    thread = worker.MirrorWorker(log)
    thread.start()
    for _ in range(5):
        make.make_call(alice)
        thread.poke()
    assert not log.exists()
    assert thread.stop(10)
    assert calls_in(log) == closed_calls()


def test_a_burst_is_written_in_one_append(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "LINES_AT_ONCE", 10)
    appends = []
    append = logfile.append
    monkeypatch.setattr(logfile, "append", lambda *args: appends.append(append(*args)))
    alice = make.make_user()
    for _ in range(45):
        make.make_call(alice)
    assert mirror.write_pending(log) == 45
    assert len(appends) == 1
    assert calls_in(log) == closed_calls()


def test_lines_that_another_machine_wrote_are_taken_over_without_a_poke(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "IDLE_SECONDS", 0.05)
    mirror.write_pending(log)
    make.make_call(make.make_user())
    mirror.write_pending(tmp_path / "other.jsonl")
    thread = worker.MirrorWorker(log)
    thread.start()
    eventually(lambda: log.exists() and calls_in(log) == closed_calls())
    assert thread.stop(10)


def test_one_thread_per_process(log: Path) -> None:
    try:
        first = mirror.start_worker(log)
        assert mirror.start_worker(log) is first
        make.make_call(make.make_user())
        mirror.poke()
        eventually(all_written)
    finally:
        assert mirror.stop_worker(10)
    assert not [t for t in threading.enumerate() if t.name == "request-log"]
    mirror.poke()  # nobody listens, nothing breaks


def test_two_processes_at_once_write_every_line_once(log: Path) -> None:
    alice = make.make_user()
    others = [_process(log, WRITE_UNTIL_STOPPED) for _ in range(2)]
    try:
        for _ in range(60):
            make.make_call(alice)
        eventually(all_written, seconds=30)
    finally:
        for other in others:
            other.terminate()
            other.wait(20)
    assert sorted(calls_in(log)) == sorted(closed_calls())
    assert calls_in(log) == closed_calls("line")


def test_killed_between_appending_and_numbering(log: Path) -> None:
    alice = make.make_user()
    for _ in range(3):
        make.make_call(alice)
    victim = _process(log, DIE_BEFORE_NUMBERING)
    assert victim.wait(30) == -signal.SIGKILL
    assert len(calls_in(log)) == 3
    assert mirror.lag().pending == 3
    assert mirror.write_pending(log) == 3
    assert calls_in(log) == closed_calls()


WRITE_UNTIL_STOPPED = """
    while True:
        mirror.write_pending(log)
"""
DIE_BEFORE_NUMBERING = """
    import os, signal
    from router_app.analytics.mirror import outbox
    numbered = outbox._number
    outbox._number = lambda rows: os.kill(os.getpid(), signal.SIGKILL) if rows else numbered(rows)
    mirror.write_pending(log)
"""
PREAMBLE = """
    import pathlib, sys
    import django
    django.setup()
    from django.conf import settings
    settings.DATABASES["default"]["NAME"] = sys.argv[2]
    from router_app.analytics import mirror
    log = pathlib.Path(sys.argv[1])
"""


def _process(log: Path, code: str) -> subprocess.Popen[bytes]:
    """Another process on the same database."""
    text = textwrap.dedent(PREAMBLE) + textwrap.dedent(code)
    name = str(connection.settings_dict["NAME"])
    return subprocess.Popen(
        [sys.executable, "-c", text, str(log), name],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=settings.BASE_DIR,
    )


def _fails(path: Path) -> int:
    raise KeyError("a secret")

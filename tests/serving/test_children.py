"""Processes and everything below them end with the supervisor."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from budgetrouter.serving.children import Child
from budgetrouter.serving.install import ROOT
from tests.serving.processes import is_running, wait_until

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""
PARENT = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
time.sleep(60)
"""
TIED = """
import signal, time
from budgetrouter.serving.lifeline import end_with_supervisor
end_with_supervisor(signal.SIGKILL)
print("up", flush=True)
time.sleep(60)
"""
SUPERVISOR = """
import sys, time
from pathlib import Path
from budgetrouter.serving.children import Child
log, script = Path(sys.argv[1]), sys.argv[2]
child = Child([sys.executable, "-c", script], cwd=Path.cwd(), environment={}, log=log)
while "up" not in log.read_text():
    time.sleep(0.05)
print(child.pid, flush=True)
time.sleep(60)
"""


def start(script: str, log: Path) -> Child:
    child = Child([sys.executable, "-c", script], cwd=log.parent, environment={}, log=log)
    wait_until(lambda: log.read_text().endswith("\n"))
    return child


def test_a_child_and_its_own_children_end(tmp_path: Path) -> None:
    child = start(PARENT, tmp_path / "log")
    grandchild = int((tmp_path / "log").read_text())
    child.stop(5, lambda: False)
    assert child.exit_status() == -signal.SIGTERM
    wait_until(lambda: not is_running(grandchild))


def test_a_stubborn_child_has_its_grace_and_no_more(tmp_path: Path) -> None:
    child = start(STUBBORN, tmp_path / "log")
    child.stop(0.3, lambda: False)
    assert child.exit_status() == -signal.SIGKILL


def test_patience_can_end_before_the_grace(tmp_path: Path) -> None:
    child = start(STUBBORN, tmp_path / "log")
    began = time.monotonic()
    child.stop(60, lambda: True)
    assert time.monotonic() - began < 10


def test_ctrl_c_at_the_terminal_does_not_reach_a_child(tmp_path: Path) -> None:
    child = start(PARENT, tmp_path / "log")
    assert os.getpgid(child.pid) != os.getpgid(0)
    child.stop(5, lambda: False)


def test_the_log_is_private_and_grows(tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = start("print('one')", log)
    wait_until(lambda: first.exit_status() == 0)
    second = start("print('two')", log)
    wait_until(lambda: second.exit_status() == 0)
    assert log.read_text() == "one\ntwo\n"
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's death")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SUPERVISOR, tmp_path / "log", TIED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.kill()
    wait_until(lambda: not is_running(child))

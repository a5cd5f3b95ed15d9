"""Programs that run once before a server: their output is the log, their last line the result."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.processes import DidNotStart
from bench.products.base import ROOT


def set_up(module: str, env: Mapping[str, str], log: Path) -> str:
    """Run a module to its end; returns the last line it printed. Raises DidNotStart."""
    done = subprocess.run(
        [sys.executable, "-m", module],
        env=dict(env),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    log.write_text(done.stdout + done.stderr)
    if done.returncode:
        raise DidNotStart(f"{module} ended with {done.returncode}: {done.stderr[-400:].strip()}")
    return last_line(done.stdout)


def last_line(text: str) -> str:
    """The last line that is not blank."""
    return text.strip().splitlines()[-1]

"""The embedded model for the length of a command, where nothing else could answer.

The one that `serve` runs is known to its web server alone; its key is in no file.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings

from budgetrouter.serving import stand_in
from budgetrouter.serving.prepare import stand_in_is_ours
from budgetrouter.serving.problem import Problem
from budgetrouter.serving.stand_in_keeper import StandInKeeper
from router_app.catalog import snapshot

READY_SECONDS = 30.0
POLL_SECONDS = 0.1


@contextmanager
def stand_in_where_needed(say: Callable[[str], None]) -> Iterator[None]:
    """Start the model if no provider is in use and it is installed; end it afterwards.

    Raises Problem if it does not start.
    """
    needed = stand_in_is_ours() and not snapshot.providers_in_use()
    if not needed or not stand_in.is_installed():
        yield
        return
    log = settings.REQUEST_LOG_PATH.parent / "stand-in.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    keeper = StandInKeeper(root=settings.BASE_DIR, log=log, say=say)
    keeper.start()
    try:
        _wait_until_ready(keeper)
        with _addressed(keeper):
            yield
    finally:
        keeper.stop(in_a_hurry=lambda: True)


def _wait_until_ready(keeper: StandInKeeper) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not keeper.is_ready():
        if time.monotonic() > deadline:
            raise Problem(f"The embedded model is not ready after {READY_SECONDS:.0f} seconds.")
        time.sleep(POLL_SECONDS)


@contextmanager
def _addressed(keeper: StandInKeeper) -> Iterator[None]:
    """Let the catalogue know where the model is."""
    before = {name: getattr(settings, name) for name in keeper.settings()}
    _set(keeper.settings())
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, str]) -> None:
    for name, value in values.items():
        setattr(settings, name, value)
    snapshot.forget()

"""A command that uses the gateway is a small server: what that one ends, this one ends too."""

from collections.abc import Iterator
from contextlib import contextmanager

from router_app.analytics import mirror
from router_app.gateway import engine


@contextmanager
def gateway() -> Iterator[None]:
    """Inside, requests can be made; afterwards they are booked, logged and disconnected."""
    mirror.start_worker()
    try:
        yield
    finally:
        engine.finish()

"""The hostile upstream as a fixture."""

from collections.abc import Iterator

import pytest

from tests.providers.hostile import HostileUpstream


@pytest.fixture
def hostile_upstream() -> Iterator[HostileUpstream]:
    """A misbehaving server, which itself must not have failed."""
    with HostileUpstream() as upstream:
        yield upstream
    assert upstream.faults == []

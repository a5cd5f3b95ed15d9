"""What stories about several servers share: a provider on a real socket, and a key."""

from collections.abc import Iterator

import pytest

from router_app.gateway.keys import create_key
from router_app.models import Provider, User
from tests.providers.hostile import HostileUpstream


@pytest.fixture
def upstream(alice: User) -> Iterator[HostileUpstream]:
    """Answers every model."""
    with HostileUpstream() as server:
        Provider.objects.filter(slug="demo").update(base_url=server.url("answers"))
        yield server


@pytest.fixture
def headers(alice: User) -> dict[str, str]:
    """Of alice's requests."""
    return {"Authorization": f"Bearer {create_key(user=alice, name='tests')[1]}"}

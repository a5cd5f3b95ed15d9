"""The cast: Alice is the admin of a team, Bob a member, Vera a viewer, Charlie a stranger."""

import pytest

from router_app.models import User, Workspace
from tests.factories import make_team, make_user


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice")


@pytest.fixture
def bob(db: None) -> User:
    return make_user("bob")


@pytest.fixture
def vera(db: None) -> User:
    return make_user("vera")


@pytest.fixture
def charlie(db: None) -> User:
    return make_user("charlie")


@pytest.fixture
def team(alice: User, bob: User, vera: User) -> Workspace:
    return make_team(alice, member=[bob], viewer=[vera])

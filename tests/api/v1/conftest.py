"""Who asks at /v1."""

import pytest

from tests.api.v1.calling import Program


@pytest.fixture
def program(key: str) -> Program:
    """Alice's program."""
    return Program(key)

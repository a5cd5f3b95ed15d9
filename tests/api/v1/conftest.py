"""Who asks at /v1."""

import pytest

from router_app.models import CatalogRevision, LanguageModel
from router_app.routing.needs import Need
from tests.api.v1.calling import Program


@pytest.fixture
def program(key: str) -> Program:
    """Alice's program."""
    return Program(key)


@pytest.fixture
def able(catalog: None) -> None:
    """Every model of the catalogue can do everything."""
    everything = {f"supports_{need}": True for need in Need}
    LanguageModel.objects.update(**everything, reasoning_efforts=["low", "medium", "high"])
    CatalogRevision.bump()

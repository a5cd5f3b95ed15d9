"""What models can do: as the seed tells it, as an upgrade tells it, as routing reads it."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from router_app.catalog.seed import load_catalog
from router_app.catalog.snapshot import current_snapshot
from router_app.models import CatalogRevision, LanguageModel, Provider
from router_app.routing.needs import Need
from tests.factories import make_model

pytestmark = pytest.mark.django_db
COLUMNS = (
    "supports_tools", "supports_vision", "supports_json_mode", "supports_json_schema",
    "reasoning_efforts",
)  # fmt: skip
tell = import_module("router_app.migrations.0003_model_abilities").tell


def _told() -> dict[tuple[str, str], tuple[Any, ...]]:
    rows = LanguageModel.objects.values_list("provider__slug", "model_id", *COLUMNS)
    return {(slug, model_id): tuple(rest) for slug, model_id, *rest in rows}


def _untell() -> None:
    """The rows as they are right after the columns were added."""
    flags = dict.fromkeys(COLUMNS, False)
    LanguageModel.objects.update(**flags | {"reasoning_efforts": []})


def test_routing_knows_what_the_starting_models_can_do(settings):
    load_catalog()
    specs = {spec.id: spec for spec in current_snapshot(timezone.now()).specs}
    assert {spec.supports for spec in specs.values()} == {
        frozenset({Need.JSON_MODE, Need.JSON_SCHEMA})
    }, "the stand-in keeps to a grammar, and ignores tools and images whatever name it bears"

    settings.GROQ_API_KEY = "gsk_not_a_real_key"
    CatalogRevision.bump()
    specs = {spec.id: spec for spec in current_snapshot(timezone.now()).specs}
    oss, qwen = specs["openai/gpt-oss-120b"], specs["qwen/qwen3.8-27b"]
    assert oss.supports == {Need.TOOLS, Need.JSON_MODE, Need.JSON_SCHEMA}
    assert oss.reasoning_efforts == {"low", "medium", "high"}
    assert qwen.supports == {Need.TOOLS, Need.JSON_MODE, Need.VISION}
    assert qwen.reasoning_efforts == {"none", "default"}
    assert specs["llama-3.1-8b-instant"].reasoning_efforts == frozenset()


def test_a_models_own_columns_are_what_routing_reads():
    make_model("seer", supports_vision=True, image_tokens=1_234, reasoning_efforts=["high"])
    spec = current_snapshot(timezone.now()).spec("seer")
    assert spec is not None
    assert (spec.supports, spec.image_tokens) == ({Need.VISION}, 1_234)
    assert spec.reasoning_efforts == {"high"}


def test_an_upgraded_installation_knows_what_a_new_one_knows():
    load_catalog()
    new = _told()
    _untell()
    before = CatalogRevision.objects.get().number
    tell(apps, None)
    assert _told() == new
    assert CatalogRevision.objects.get().number == before + 1

    tell(apps, None)
    assert CatalogRevision.objects.get().number == before + 1, "nothing was left to tell"


def test_an_upgrade_leaves_what_an_operator_told_and_models_of_ones_own():
    load_catalog()
    _untell()
    oss = LanguageModel.objects.filter(provider__slug="groq", model_id="openai/gpt-oss-20b")
    oss.update(supports_tools=True)
    make_model("mine")
    tell(apps, None)
    assert oss.get().supports_json_schema is False
    assert not any(_told()["demo", "mine"])


def test_an_upgrade_tells_nothing_about_an_address_of_ones_own():
    load_catalog()
    _untell()
    groq = LanguageModel.objects.filter(provider__slug="groq")
    Provider.objects.filter(slug="groq").update(base_url="https://proxy.example/v1")
    tell(apps, None)
    assert not groq.filter(supports_tools=True).exists()

"""Tell what the models of the starting catalogue can do, where an operator has not told already.

Installations from before these columns hold every model as able to do nothing but text.
"""

from typing import Any

from django.db import migrations
from django.db.models import F

GPT_OSS = {
    "supports_tools": True,
    "supports_json_mode": True,
    "supports_json_schema": True,
    "reasoning_efforts": ["low", "medium", "high"],
}
QWEN = {
    "supports_tools": True,
    "supports_json_mode": True,
    "supports_vision": True,
    "reasoning_efforts": ["none", "default"],
}
LLAMA = {"supports_tools": True, "supports_json_mode": True}
STAND_IN = {"supports_json_mode": True, "supports_json_schema": True}

ABILITIES: dict[tuple[str, str], dict[str, Any]] = {
    ("groq", "openai/gpt-oss-120b"): GPT_OSS,
    ("groq", "openai/gpt-oss-20b"): GPT_OSS,
    ("groq", "qwen/qwen3.8-27b"): QWEN,
    ("groq", "llama-3.3-70b-versatile"): LLAMA,
    ("groq", "llama-3.1-8b-instant"): LLAMA,
    ("demo", "llama-3.3-70b-versatile"): STAND_IN,
    ("demo", "openai/gpt-oss-120b"): STAND_IN,
    ("demo", "openai/gpt-oss-20b"): STAND_IN,
    ("demo", "llama-3.1-8b-instant"): STAND_IN,
}
UNTOLD = {
    "supports_tools": False,
    "supports_vision": False,
    "supports_json_mode": False,
    "supports_json_schema": False,
    "reasoning_efforts": [],
    "provider__base_url": "",  # at an address of its own it may be served otherwise
}


def tell(apps: Any, schema_editor: Any) -> None:
    """Fill the columns of rows that the seed made and nobody changed."""
    models = apps.get_model("router_app", "LanguageModel").objects
    told = sum(
        models.filter(provider__slug=slug, model_id=model_id, **UNTOLD).update(**abilities)
        for (slug, model_id), abilities in ABILITIES.items()
    )
    if told:  # a process that still runs on the old catalogue notices
        revision = apps.get_model("router_app", "CatalogRevision")
        revision.objects.filter(pk=1).update(number=F("number") + 1)


class Migration(migrations.Migration):
    dependencies = [("router_app", "0002_gateway_api")]

    operations = [migrations.RunPython(tell, migrations.RunPython.noop)]

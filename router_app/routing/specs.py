"""Frozen facts that routing decides on; `catalog/` makes them from rows."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from router_app.money import Rates
from router_app.routing.needs import Need
from router_app.routing.tasks import Task


class ModelStatus(StrEnum):
    """Life of a catalogue model. Retired models are shown and never routed to."""

    ACTIVE = "active"
    PREVIEW = "preview"
    RETIRED = "retired"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model of the catalogue with the rates in force."""

    id: str  # the catalogue id callers use, e.g. "openai/gpt-oss-120b"; unique among live specs
    name: str  # for people: "GPT-OSS 120B"
    provider: str  # slug: "groq", "demo"
    quality: int  # 0..100
    strengths: frozenset[Task]
    rates: Rates | None  # None: no price is in force, so the model cannot be routed to
    context_tokens: int
    max_output_tokens: int
    status: ModelStatus = ModelStatus.ACTIVE
    template_allowance_tokens: int = 256  # what the model's chat template may add to the input
    replaced_by: str | None = None
    unavailable_reason: str | None = None  # in words, while the provider says it is gone
    pk: int = 0  # row of LanguageModel
    price_pk: int = 0  # row of the Price in force
    retires_on: date | None = None  # for the words about a retired model
    supports: frozenset[Need] = frozenset()
    reasoning_efforts: frozenset[str] = frozenset()  # values it takes; empty: it takes none
    image_tokens: int = 16_384  # the most tokens that one image can be

"""The whole catalogue as people read it: also what is retired, gone, or not in use here."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Prefetch

from router_app.catalog.prices import usd_text
from router_app.catalog.snapshot import abilities, providers_in_use
from router_app.models import LanguageModel, Price, Provider
from router_app.routing.needs import Need

_WORDS = {
    Need.TOOLS: "tools",
    Need.VISION: "images",
    Need.JSON_MODE: "JSON mode",
    Need.JSON_SCHEMA: "JSON schema",
}


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """Rates as text, USD per million tokens, from a moment on."""

    input: str
    cached_input: str
    output: str
    valid_from: datetime


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One model with everything that is said about it."""

    pk: int
    model_id: str
    name: str
    quality: int
    strengths: tuple[str, ...]
    abilities: tuple[str, ...]  # what it can be asked for besides text, in words
    reasoning_efforts: tuple[str, ...]
    context_tokens: int
    max_output_tokens: int
    status: str
    retires_on: date | None
    replaced_by: str
    unavailable_since: datetime | None
    unavailable_reason: str
    price: ListedPrice | None  # None: not routed to
    coming: tuple[ListedPrice, ...]  # later prices, the next one first

    @property
    def takes(self) -> tuple[str, ...]:
        """Its abilities for a narrow column: who keeps to a schema has a JSON mode besides."""
        if _WORDS[Need.JSON_SCHEMA] in self.abilities:
            return tuple(word for word in self.abilities if word != _WORDS[Need.JSON_MODE])
        return tuple("JSON" if word == _WORDS[Need.JSON_MODE] else word for word in self.abilities)

    @property
    def is_routed_to(self) -> bool:
        """Whether a request may go here, provided its provider is in use."""
        serves = self.status in ("active", "preview") and self.unavailable_since is None
        return serves and self.price is not None


@dataclass(frozen=True, slots=True)
class ListedProvider:
    """A provider with its models, the best first."""

    slug: str
    name: str
    stand_in: bool
    in_use: bool
    models: tuple[ListedModel, ...]


def list_catalog(now: datetime) -> list[ListedProvider]:
    """Every provider that has models, those in use first; their best models first."""
    used = providers_in_use()
    prices = Prefetch("prices", Price.objects.order_by("-valid_from", "-pk"))
    rows = LanguageModel.objects.select_related("provider").prefetch_related(prices)
    grouped: dict[Provider, list[ListedModel]] = {}
    for row in rows.order_by("-quality", "name", "pk"):
        grouped.setdefault(row.provider, []).append(_listed(row, now))
    found = [
        ListedProvider(
            slug=provider.slug,
            name=provider.name,
            stand_in=provider.stand_in,
            in_use=provider.slug in used,
            models=tuple(sorted(models, key=lambda model: not model.is_routed_to)),
        )
        for provider, models in grouped.items()
    ]
    return sorted(found, key=lambda provider: (not provider.in_use, provider.name))


def _listed(row: LanguageModel, now: datetime) -> ListedModel:
    prices = list(row.prices.all())
    current = next((price for price in prices if price.valid_from <= now), None)
    coming = [price for price in reversed(prices) if price.valid_from > now]
    return ListedModel(
        pk=row.pk,
        model_id=row.model_id,
        name=row.name,
        quality=row.quality,
        strengths=tuple(row.strengths),
        abilities=_abilities(row),
        reasoning_efforts=tuple(row.reasoning_efforts),
        context_tokens=row.context_tokens,
        max_output_tokens=row.max_output_tokens,
        status=row.status,
        retires_on=row.retires_on,
        replaced_by=row.replaced_by,
        unavailable_since=row.unavailable_since,
        unavailable_reason=row.unavailable_reason,
        price=_price(current) if current else None,
        coming=tuple(_price(price) for price in coming),
    )


def _abilities(row: LanguageModel) -> tuple[str, ...]:
    able = abilities(row)
    words = tuple(word for need, word in _WORDS.items() if need in able)
    return (*words, "reasoning") if row.reasoning_efforts else words


def _price(row: Price) -> ListedPrice:
    return ListedPrice(
        input=usd_text(row.input),
        cached_input=usd_text(row.cached_rate),
        output=usd_text(row.output),
        valid_from=row.valid_from,
    )

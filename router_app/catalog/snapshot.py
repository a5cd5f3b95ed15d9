"""The catalogue as frozen facts, kept in memory until a row changes.

Every table of the catalogue raises `CatalogRevision` when it is saved; reading that one row per
request is how a process notices what another one changed. A price that begins in the future makes
the snapshot old when its moment comes.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from django.conf import settings
from django.db.models import Prefetch

from router_app.models import CatalogRevision, LanguageModel, Price, Provider, RoutingPolicy
from router_app.money import Rates
from router_app.routing.needs import Need
from router_app.routing.policy import Policy
from router_app.routing.specs import ModelSpec, ModelStatus
from router_app.routing.tasks import Quality, Task

_KEYS_IN_SETTINGS = frozenset({"GROQ_API_KEY", "DEMO_API_KEY"})


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """Where a provider lives; the name of its key's variable, never the key."""

    slug: str
    name: str
    base_url: str
    api_key_env: str
    stand_in: bool

    @property
    def api_key(self) -> str:
        """The key, read from the environment at the moment of use."""
        named = self.api_key_env
        known = str(getattr(settings, named)) if named in _KEYS_IN_SETTINGS else ""
        return known or os.environ.get(named, "")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything routing decides on, as of one revision."""

    revision: int
    good_until: datetime | None
    policy: Policy
    specs: tuple[ModelSpec, ...]  # models of the providers in use; ids are unique
    providers: Mapping[str, ProviderSpec]  # in use, by slug

    def spec(self, model_id: str) -> ModelSpec | None:
        """The spec with this catalogue id."""
        return next((spec for spec in self.specs if spec.id == model_id), None)


_current: Snapshot | None = None


def current_snapshot(now: datetime, number: int | None = None) -> Snapshot:
    """The catalogue in force, read anew if anything changed since the last time.

    `number` is the revision, where the caller has just read it.
    """
    global _current
    if number is None:
        revisions = CatalogRevision.objects.filter(pk=1).values_list("number", flat=True)
        number = revisions.first() or 0
    known = _current
    if known is None or known.revision != number or (known.good_until and known.good_until <= now):
        known = _current = _read(number, now)
    return known


def forget() -> None:
    """Drop the snapshot: the settings changed under it (tests, commands)."""
    global _current
    _current = None


def providers_in_use() -> dict[str, ProviderSpec]:
    """Enabled providers that can be called. The stand-in steps back where Groq has a key."""
    found = {}
    for row in Provider.objects.filter(enabled=True).order_by("slug"):
        spec = provider_spec(row)
        key_missing = bool(row.api_key_env) and not row.stand_in and not spec.api_key
        replaced = row.stand_in and bool(settings.GROQ_API_KEY)
        if spec.base_url and not key_missing and not replaced:
            found[row.slug] = spec
    return found


def rates_of(price: Price) -> Rates:
    """A price row as the rates that costs are computed with."""
    return Rates(input=price.input, cached_input=price.cached_rate, output=price.output)


def abilities(row: LanguageModel) -> frozenset[Need]:
    """What a model can be asked for besides text."""
    return frozenset(need for need in Need if getattr(row, f"supports_{need.value}"))


def provider_spec(row: Provider) -> ProviderSpec:
    """A provider with the address that holds here, whether it is in use or not."""
    return ProviderSpec(row.slug, row.name, _base_url(row), row.api_key_env, row.stand_in)


def _base_url(row: Provider) -> str:
    own = {"groq": settings.GROQ_BASE_URL, "demo": settings.DEMO_BASE_URL}
    return (row.base_url or own.get(row.slug, "")).rstrip("/")


def _read(revision: int, now: datetime) -> Snapshot:
    providers = providers_in_use()
    prices = Prefetch("prices", Price.objects.order_by("-valid_from", "-pk"))
    rows = LanguageModel.objects.filter(provider__slug__in=providers)
    rows = rows.select_related("provider").prefetch_related(prices).order_by("pk")
    specs: dict[str, ModelSpec] = {}
    coming: list[datetime] = []
    for row in rows:
        spec = _spec(row, now)
        held = specs.get(spec.id)
        # Two providers may serve one id: the one that can be routed to is meant.
        if held is None or (held.status == ModelStatus.RETIRED != spec.status):
            specs[spec.id] = spec
        coming += [price.valid_from for price in row.prices.all() if price.valid_from > now]
    return Snapshot(
        revision=revision,
        good_until=min(coming, default=None),
        policy=_policy(),
        specs=tuple(specs.values()),
        providers=MappingProxyType(providers),
    )


def _spec(row: LanguageModel, now: datetime) -> ModelSpec:
    price = next((price for price in row.prices.all() if price.valid_from <= now), None)
    return ModelSpec(
        id=row.model_id,
        name=row.name,
        provider=row.provider.slug,
        quality=row.quality,
        strengths=frozenset(Task(task) for task in row.strengths),
        rates=rates_of(price) if price else None,
        context_tokens=row.context_tokens,
        max_output_tokens=row.max_output_tokens,
        status=ModelStatus(row.status),
        template_allowance_tokens=row.template_allowance_tokens,
        retires_on=row.retires_on,
        replaced_by=row.replaced_by or None,
        unavailable_reason=row.unavailable_reason or None,
        pk=row.pk,
        price_pk=price.pk if price else 0,
        supports=abilities(row),
        reasoning_efforts=frozenset(row.reasoning_efforts),
        image_tokens=row.image_tokens,
    )


def _policy() -> Policy:
    row = RoutingPolicy.objects.order_by("-pk").first()
    if row is None:
        return Policy(version="built-in")
    floors = {
        Quality.LOW: row.floor_low,
        Quality.MEDIUM: row.floor_medium,
        Quality.HIGH: row.floor_high,
    }
    return Policy(
        version=f"policy {row.pk}",
        floors=floors,
        strength_bonus=row.strength_bonus,
        near_equal_points=row.near_equal_points,
    )

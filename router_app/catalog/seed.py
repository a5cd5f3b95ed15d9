"""The catalogue a new installation starts with. Loading it again changes nothing.

`demo` holds four models at the prices of the product's first design; `groq` holds what Groq serves
in November 2026, the retired ones included, because people look for them.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from router_app.models import LanguageModel, Price, Provider, RoutingPolicy
from router_app.routing.needs import Need

PRICES_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
STAND_IN_TEMPLATE_TOKENS = 64  # SmolLM2's template adds about 30 with its default system prompt


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a model can be asked for besides text, at the place where it is served."""

    needs: frozenset[Need]
    reasoning_efforts: tuple[str, ...] = ()  # empty: it does not reason

    def as_columns(self) -> dict[str, object]:
        """The columns of `LanguageModel` that hold this."""
        flags = {f"supports_{need.value}": need in self.needs for need in Need}
        return {**flags, "reasoning_efforts": list(self.reasoning_efforts)}


_TOOLS_AND_JSON = frozenset({Need.TOOLS, Need.JSON_MODE})
_LLAMA = Abilities(_TOOLS_AND_JSON)
_GPT_OSS = Abilities(_TOOLS_AND_JSON | {Need.JSON_SCHEMA}, ("low", "medium", "high"))
# Whether Groq holds Qwen to a schema is not settled; a false "yes" would break a caller's parser.
_QWEN_VISION = Abilities(_TOOLS_AND_JSON | {Need.VISION}, ("none", "default"))
# llama.cpp keeps any model to a grammar; the stand-in itself ignores tools and does not reason.
_STAND_IN = Abilities(frozenset({Need.JSON_MODE, Need.JSON_SCHEMA}))


@dataclass(frozen=True, slots=True)
class SeedModel:
    """One row of the catalogue; rates as decimal strings, USD per million tokens."""

    model_id: str
    name: str
    quality: int
    strengths: tuple[str, ...]
    rates: tuple[str, str | None, str]  # input, cached input, output
    max_output_tokens: int
    abilities: Abilities  # as Groq serves it
    status: str = "active"
    retires_on: date | None = None
    replaced_by: str = ""


_70B = SeedModel(
    "llama-3.3-70b-versatile",
    "Llama 3.3 70B Versatile",
    88,
    ("general", "code", "summarize"),
    ("0.59", None, "0.79"),
    32_768,
    _LLAMA,
)
_120B = SeedModel(
    "openai/gpt-oss-120b",
    "GPT-OSS 120B",
    85,
    ("general", "code", "email"),
    ("0.15", "0.075", "0.60"),
    65_536,
    _GPT_OSS,
)
_20B = SeedModel(
    "openai/gpt-oss-20b",
    "GPT-OSS 20B",
    68,
    ("general", "email"),
    ("0.075", "0.0375", "0.30"),
    65_536,
    _GPT_OSS,
)
_8B = SeedModel(
    "llama-3.1-8b-instant",
    "Llama 3.1 8B Instant",
    55,
    ("general",),
    ("0.05", None, "0.08"),
    131_072,
    _LLAMA,
)
_QWEN = SeedModel(
    "qwen/qwen3.8-27b",
    "Qwen 3.8 27B",
    80,
    ("general", "code"),
    ("0.80", None, "4.00"),
    16_384,
    _QWEN_VISION,
    status="preview",
)
_RETIRED = {"status": "retired", "retires_on": date(2026, 8, 16)}

DEMO_MODELS = (_70B, _120B, _20B, _8B)
CONTEXT_TOKENS = 131_072


def load_catalog() -> int:
    """Make the providers, models, prices and policy that are missing; returns how many rows."""
    made = _load_provider("demo", "Demo (a small local stand-in)", "DEMO_API_KEY", stand_in=True)
    made += _load_provider("groq", "Groq", "GROQ_API_KEY", stand_in=False)
    for model in DEMO_MODELS:
        made += _load_model(
            "demo", model, allowance=STAND_IN_TEMPLATE_TOKENS, **_STAND_IN.as_columns()
        )
    for model in (_120B, _20B, _QWEN):
        made += _load_model("groq", model, allowance=256)
    made += _load_model("groq", _70B, allowance=256, **_RETIRED, replaced_by=_120B.model_id)
    made += _load_model("groq", _8B, allowance=256, **_RETIRED, replaced_by=_20B.model_id)
    if not RoutingPolicy.objects.exists():
        RoutingPolicy.objects.create(note="The rules the product started with.")
        made += 1
    return made


def _load_provider(slug: str, name: str, api_key_env: str, *, stand_in: bool) -> int:
    defaults = {"name": name, "api_key_env": api_key_env, "stand_in": stand_in}
    return int(Provider.objects.get_or_create(slug=slug, defaults=defaults)[1])


def _load_model(slug: str, seed: SeedModel, *, allowance: int, **changed: object) -> int:
    facts = {
        "name": seed.name,
        "quality": seed.quality,
        "strengths": list(seed.strengths),
        "context_tokens": CONTEXT_TOKENS,
        "max_output_tokens": seed.max_output_tokens,
        "status": seed.status,
        "template_allowance_tokens": allowance,
        **seed.abilities.as_columns(),
        **changed,
    }
    model, made = LanguageModel.objects.get_or_create(
        provider=Provider.objects.get(slug=slug), model_id=seed.model_id, defaults=facts
    )
    if made:
        Price.objects.create(
            model=model,
            input=seed.rates[0],
            cached_input=seed.rates[1],
            output=seed.rates[2],
            valid_from=PRICES_SINCE,
            source="Groq's list price" if slug == "groq" else "As Groq listed it",
        )
    return int(made)

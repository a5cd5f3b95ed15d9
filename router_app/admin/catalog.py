"""Providers and their models. A key never passes through here: only its variable's name."""

import re
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from router_app.admin.read_only import ReadOnlyInline
from router_app.catalog.availability import mark_available
from router_app.catalog.prices import example_text
from router_app.catalog.snapshot import provider_spec, providers_in_use, rates_of
from router_app.models import LanguageModel, Price, Provider
from router_app.models.fields import TASK_CHOICES
from router_app.routing.specs import ModelStatus

VARIABLE_NAME = re.compile(r"[A-Z][A-Z0-9_]*_(KEY|TOKEN)", re.ASCII)


class ProviderForm(forms.ModelForm):
    """Where a provider is, and which variable holds its key."""

    base_url = forms.URLField(
        label="Base URL",
        required=False,
        assume_scheme="https",
        help_text="Ends before /chat/completions. Empty for groq and demo: set by the environment.",
    )

    class Meta:
        model = Provider
        fields = ("name", "slug", "base_url", "api_key_env", "stand_in", "enabled")

    def clean_base_url(self) -> str:
        """The address alone: no path of a method, no name and password, no query."""
        url = str(self.cleaned_data["base_url"]).rstrip("/").removesuffix("/chat/completions")
        parts = urlsplit(url)
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValidationError("Only an address: no user name, password, query or fragment.")
        return url

    def clean_api_key_env(self) -> str:
        """A variable's name; a pasted key is refused before it is stored.

        What it holds is sent to the base URL, so our own secrets cannot be named.
        """
        name = str(self.cleaned_data["api_key_env"])
        if name and (not VARIABLE_NAME.fullmatch(name) or "SECRET" in name):
            raise ValidationError(
                "This is the name of an environment variable, such as OPENROUTER_API_KEY: capital "
                "letters, digits and underscores, ending in _KEY or _TOKEN, and not a secret of "
                "this site. The key itself belongs in the environment."
            )
        return name


@admin.register(Provider)
class ProviderAdmin(admin.ModelAdmin):
    """OpenAI-compatible services."""

    form = ProviderForm
    list_display = (
        "name", "address", "key", "in_use", "enabled", "stand_in", "models",
    )  # fmt: skip
    list_filter = ("enabled", "stand_in")
    search_fields = ("name", "slug", "base_url")
    prepopulated_fields = {"slug": ("name",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Provider]:
        providers: QuerySet[Provider] = super().get_queryset(request)
        return providers.annotate(model_count=Count("models"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # Receipts name the slug, and the settings know groq and demo by it.
        return ("slug", "address", "key", "in_use") if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else self.prepopulated_fields

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ("name", "slug", "base_url", "api_key_env", "stand_in", "enabled")
        return (*fields, "address", "key", "in_use") if obj else fields

    @admin.display
    def address(self, provider: Provider) -> str:
        """Where it is called: its own base URL, or the environment's for groq and demo."""
        return provider_spec(provider).base_url or "none"

    @admin.display(description="its key")
    def key(self, provider: Provider) -> str:
        """Whether the environment has the key. Never the key."""
        if not provider.api_key_env:
            return "needs none"
        state = "is set" if provider_spec(provider).api_key else "is not set"
        return f"{provider.api_key_env} {state}"

    @admin.display(boolean=True)
    def in_use(self, provider: Provider) -> bool:
        """Whether requests are routed to it now."""
        return provider.slug in providers_in_use()

    @admin.display(ordering="model_count")
    def models(self, provider: Any) -> int:
        """How many models it has."""
        return int(provider.model_count)


class LanguageModelForm(forms.ModelForm):
    """A model's facts; strengths as boxes to tick."""

    strengths = forms.MultipleChoiceField(
        choices=TASK_CHOICES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Tasks that earn the policy's bonus.",
    )

    class Meta:
        model = LanguageModel
        fields = "__all__"  # noqa: DJ007  the admin names them
        help_texts = {
            "status": "Preview is routed to like active; retired and off are not.",
            "retires_on": "Shown at /models/. Set the status when the day has come.",
            "replaced_by": "The id of the model to use instead.",
        }


class PriceInline(ReadOnlyInline):
    """What the model cost, costs and will cost."""

    model = Price
    fields = readonly_fields = ("valid_from", "input", "cached_input", "output", "source")


@admin.register(LanguageModel)
class LanguageModelAdmin(admin.ModelAdmin):
    """The catalogue."""

    form = LanguageModelForm
    inlines = (PriceInline,)
    list_display = (
        "name", "provider", "model_id", "quality", "strong_at", "status", "unavailable_since",
        "price",
    )  # fmt: skip
    list_filter = (
        "provider",
        "status",
        ("unavailable_since", admin.EmptyFieldListFilter),
    )
    search_fields = ("name", "model_id", "provider__name")
    list_select_related = ("provider",)
    actions = ("make_available", "switch_off", "switch_on")
    fieldsets = (
        (None, {"fields": ("provider", "model_id", "name")}),
        ("Choosing", {"fields": ("quality", "strengths")}),
        ("Sizes", {"fields": ("context_tokens", "max_output_tokens", "template_allowance_tokens")}),
        (
            "Life",
            {
                "fields": (
                    "status", "retires_on", "replaced_by", "unavailable_since",
                    "unavailable_reason",
                )
            },
        ),
        ("Price", {"fields": ("add_price",)}),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[LanguageModel]:
        newest = Prefetch("prices", Price.objects.order_by("-valid_from", "-pk"))
        return super().get_queryset(request).prefetch_related(newest)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ("unavailable_since", "unavailable_reason", "add_price")
        # What calls refer to keeps its identity: another id is another model.
        called = obj is not None and obj.calls.exists()
        return ("provider", "model_id", *fields) if called else fields

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    @admin.display(description="strengths")
    def strong_at(self, model: LanguageModel) -> str:
        """Its strengths in a line."""
        return ", ".join(model.strengths) or "–"

    @admin.display(description="price now")
    def price(self, model: LanguageModel) -> str:
        """What an ordinary call costs at the price in force."""
        now = timezone.now()
        current = next((price for price in model.prices.all() if price.valid_from <= now), None)
        return example_text(rates_of(current)) if current else "none: not routed to"

    @admin.display(description="another price")
    def add_price(self, model: LanguageModel) -> str:
        """A link to the form for a further price."""
        if not model.pk:
            return "Save the model first."
        url = f"{reverse('admin:router_app_price_add')}?model={model.pk}"
        return format_html('<a href="{}">Add a price for this model</a>', url)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not obj.prices.exists():
            text = format_html(
                "{} has no price and cannot be routed to. {}", obj.name, self.add_price(obj)
            )
            self.message_user(request, text, messages.WARNING)

    @admin.action(description="Mark available again", permissions=["change"])
    def make_available(self, request: HttpRequest, models: QuerySet[LanguageModel]) -> None:
        gone = list(models.exclude(unavailable_since=None))
        for model in gone:
            mark_available(model.pk)
            self.log_change(request, model, "Marked available again.")
        self.message_user(request, f"{len(gone)} models are available again.", messages.SUCCESS)

    @admin.action(description="Switch off", permissions=["change"])
    def switch_off(self, request: HttpRequest, models: QuerySet[LanguageModel]) -> None:
        self._set_status(request, models, ModelStatus.OFF)

    @admin.action(description="Switch on (active)", permissions=["change"])
    def switch_on(self, request: HttpRequest, models: QuerySet[LanguageModel]) -> None:
        self._set_status(request, models, ModelStatus.ACTIVE)

    def _set_status(
        self, request: HttpRequest, models: QuerySet[LanguageModel], status: ModelStatus
    ) -> None:
        for model in models:
            model.status = status
            model.save(update_fields=["status"])
            self.log_change(request, model, f"Status is {status.value}.")
        self.message_user(request, f"{len(models)} models are {status.value}.", messages.SUCCESS)

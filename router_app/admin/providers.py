"""Providers. A key never passes through here: only its variable's name."""

import re
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from router_app.admin.audited import note_new, note_save
from router_app.catalog.snapshot import provider_spec, providers_in_use
from router_app.models import AuditEntry, Provider

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

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change:
            note_save(request, AuditEntry.Action.PROVIDER_CHANGED, obj, form)
        else:
            note_new(request, AuditEntry.Action.PROVIDER_ADDED, obj, ("slug", "base_url"))

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

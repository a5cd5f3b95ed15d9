"""Which models there are, what they cost since when, and by which policy one is chosen.

Saving any of these raises the catalogue's revision, which is how every process notices.
"""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from router_app.routing.specs import ModelStatus


class CatalogRevision(models.Model):
    """One row; its number rises with every change of the catalogue or policy."""

    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"revision {self.number}"

    @classmethod
    def bump(cls) -> None:
        """Tell every process that the catalogue changed."""
        cls.objects.get_or_create(pk=1)
        cls.objects.filter(pk=1).update(number=F("number") + 1)


class CatalogRow(models.Model):
    """A table whose changes every process must notice."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        CatalogRevision.bump()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        deleted = super().delete(*args, **kwargs)
        CatalogRevision.bump()
        return deleted


class Provider(CatalogRow):
    """An OpenAI-compatible service. Its key stays in the environment; only its name is here."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    base_url = models.URLField(
        blank=True,
        help_text="Ends before /chat/completions. Empty for groq and demo: set by the environment.",
    )
    api_key_env = models.CharField(
        "name of the key's environment variable",
        max_length=80,
        blank=True,
        help_text="For example OPENROUTER_API_KEY. Empty: the service asks for no key.",
    )
    enabled = models.BooleanField(default=True)
    stand_in = models.BooleanField(
        default=False,
        help_text="A small local model writes the answers in place of the named ones.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class LanguageModel(CatalogRow):
    """One model of one provider."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="models")
    model_id = models.CharField(
        max_length=160, help_text="As the provider spells it, e.g. openai/gpt-oss-120b."
    )
    name = models.CharField(max_length=80)
    quality = models.PositiveSmallIntegerField(
        validators=[MaxValueValidator(100)], help_text="Quality score, 0 to 100."
    )
    strengths = models.JSONField(
        default=list, blank=True, help_text="Tasks that earn the policy's bonus."
    )
    context_tokens = models.PositiveIntegerField(validators=[MinValueValidator(256)])
    max_output_tokens = models.PositiveIntegerField(validators=[MinValueValidator(16)])
    status = models.CharField(
        max_length=16, choices=[(s.value, s.value) for s in ModelStatus], default=ModelStatus.ACTIVE
    )
    retires_on = models.DateField(null=True, blank=True)
    replaced_by = models.CharField(max_length=160, blank=True)
    template_allowance_tokens = models.PositiveIntegerField(
        default=256, help_text="Tokens the model's chat template may add to the input."
    )
    supports_tools = models.BooleanField(default=False)
    supports_vision = models.BooleanField(default=False, help_text="Takes images.")
    supports_json_mode = models.BooleanField("supports JSON mode", default=False)
    supports_json_schema = models.BooleanField("supports JSON schemas", default=False)
    reasoning_efforts = models.JSONField(
        default=list, blank=True, help_text="Values of reasoning_effort it takes. Empty: none."
    )
    image_tokens = models.PositiveIntegerField(
        default=16_384, help_text="The most tokens that one image can be."
    )
    unavailable_since = models.DateTimeField(null=True, blank=True, editable=False)
    unavailable_reason = models.CharField(max_length=200, blank=True, editable=False)

    class Meta:
        ordering = ["-quality", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "model_id"], name="one_model_id_per_provider"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.provider_id and self.provider.slug})"


class Price(CatalogRow):
    """Rates in USD per million tokens from a moment on. Never edited: a new price is a new row."""

    model = models.ForeignKey(LanguageModel, on_delete=models.PROTECT, related_name="prices")
    input = models.DecimalField(max_digits=12, decimal_places=6)
    cached_input = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True, help_text="Empty: as input."
    )
    output = models.DecimalField(max_digits=12, decimal_places=6)
    valid_from = models.DateTimeField(default=timezone.now)
    source = models.CharField(max_length=200, blank=True, help_text="Where the price was read.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-valid_from", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(input__gte=0) & Q(output__gte=0), name="rates_are_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.input} in, {self.output} out from {self.valid_from:%Y-%m-%d}"

    @property
    def cached_rate(self) -> Decimal:
        """The rate for cached input; the plain input rate where none is listed."""
        return self.input if self.cached_input is None else self.cached_input


class RoutingPolicy(CatalogRow):
    """Floors and points. Never edited: a change is a new row, and receipts name the one used."""

    floor_low = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(100)])
    floor_medium = models.PositiveSmallIntegerField(default=60, validators=[MaxValueValidator(100)])
    floor_high = models.PositiveSmallIntegerField(default=75, validators=[MaxValueValidator(100)])
    strength_bonus = models.PositiveSmallIntegerField(
        default=15, validators=[MaxValueValidator(100)]
    )
    near_equal_points = models.PositiveSmallIntegerField(
        default=5, validators=[MaxValueValidator(100)]
    )
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, editable=False
    )

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "routing policies"

    def __str__(self) -> str:
        return f"policy {self.pk}"

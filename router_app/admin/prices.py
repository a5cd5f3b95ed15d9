"""Dated prices: added, never changed, and hard to get wrong by a factor of a thousand."""

import json
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from router_app.admin.audited import note_new
from router_app.admin.read_only import AddOnlyAdmin
from router_app.catalog.prices import Slip, example_text, price_in_force, slips
from router_app.catalog.snapshot import rates_of
from router_app.models import AuditEntry, LanguageModel, Price
from router_app.money import Rates

DECIMALS = 6
FINEST_READ = 15  # decimals; what is finer is not a price in any unit
HIGHEST_STORED = Decimal("999999.999999")
UNIT = "USD per million tokens"


class RateField(forms.DecimalField):
    """A rate as typed. It may have more decimals than are stored, so that a slip can be named."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.NumberInput(attrs={"step": "any", "min": "0", "inputmode": "decimal"})
        super().__init__(min_value=0, max_value=HIGHEST_STORED, widget=widget, **kwargs)

    def clean(self, value: Any) -> Any:
        """A Decimal, or None where it may be empty."""
        rate = super().clean(value)
        if rate is not None and -rate.as_tuple().exponent > FINEST_READ:
            raise ValidationError(f"At most {DECIMALS} decimals.")
        return rate


class PriceForm(forms.ModelForm):
    """A new price of one model."""

    input = RateField(label=f"Input, {UNIT}")
    cached_input = RateField(
        label=f"Cached input, {UNIT}", required=False, help_text="Empty: as input."
    )
    output = RateField(label=f"Output, {UNIT}")
    sure = forms.BooleanField(
        label="I am sure",
        required=False,
        help_text="Tick this to save a price that looks like a slip, or a free model.",
    )

    class Meta:
        model = Price
        fields = ("model", "input", "cached_input", "output", "valid_from", "source")
        help_texts = {
            "valid_from": "Calls are charged by the price in force when they were admitted. "
            "A later moment announces a change."
        }

    def clean(self) -> dict[str, Any]:
        """Raises where a rate is in the wrong unit, unless one is sure, or can never apply."""
        data = super().clean() or {}
        if self.errors:
            return data
        rates = self.instance.typed_rates = self.rates()
        if rates.cached_input > rates.input:
            self.add_error("cached_input", "Cached input cannot cost more than input.")
        before = price_in_force(data["model"], data["valid_from"])
        self._refuse_slips(slips(rates, rates_of(before) if before else None))
        self._refuse_fine_decimals()
        self._refuse_price_in_the_past(data["model"], data["valid_from"])
        return data

    def rates(self) -> Rates:
        """The rates as typed. Only for a form whose fields are valid."""
        data = self.cleaned_data
        cached = data["input"] if data["cached_input"] is None else data["cached_input"]
        return Rates(input=data["input"], cached_input=cached, output=data["output"])

    def _refuse_slips(self, found: list[Slip]) -> None:
        if self.cleaned_data["sure"]:
            return
        for slip in found:
            self.add_error(slip.field, f"{slip.message} If it is right, tick “I am sure”.")

    def _refuse_fine_decimals(self) -> None:
        for field in ("input", "cached_input", "output"):
            rate = self.cleaned_data.get(field)
            if rate is not None and -rate.normalize().as_tuple().exponent > DECIMALS:
                self.add_error(field, f"At most {DECIMALS} decimals.")

    def _refuse_price_in_the_past(self, model: LanguageModel, valid_from: Any) -> None:
        current = price_in_force(model, timezone.now())
        if current is None or valid_from >= current.valid_from:
            return
        since = f"{timezone.localtime(current.valid_from):%Y-%m-%d %H:%M}"
        text = f"A price is in force since {since}: one from before it would never apply."
        self.add_error("valid_from", text)


@admin.register(Price)
class PriceAdmin(AddOnlyAdmin):
    """Prices of all models, the latest first."""

    form = PriceForm
    list_display = (
        "model", "input", "cached_input", "output", "example", "state", "valid_from", "source",
        "created_by",
    )  # fmt: skip
    list_filter = ("model__provider", "valid_from", "model")
    search_fields = ("model__name", "model__model_id", "source")
    list_select_related = ("model__provider", "created_by")
    ordering = ("-valid_from", "-pk")
    fields = (
        "model", "input", "cached_input", "output", "preview", "valid_from", "source", "sure",
    )  # fmt: skip

    class Media:
        js = ("js/price_preview.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        started = Price.objects.filter(model=OuterRef("model"), valid_from__lte=timezone.now())
        current = started.order_by("-valid_from", "-pk").values("pk")[:1]
        prices: QuerySet[Price] = super().get_queryset(request)
        return prices.annotate(current_pk=Subquery(current))

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None:  # models are made and changed on pages of their own
            for way in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{way}_related", False)
        return field

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        saved = ("example", "valid_from", "source", "created_by", "created_at")
        return ("model", "input", "cached_input", "output", *saved) if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("example", "created_by", "created_at") if obj else ("preview",)

    @admin.display(description="an ordinary call")
    def example(self, price: Price) -> str:
        """What 1,000 tokens in and 500 out cost."""
        return example_text(rates_of(price))

    @admin.display(description="An ordinary call")
    def preview(self, price: Price | None) -> str:
        """The same for what is typed: filled in by a script, or when the form comes back."""
        typed = getattr(price, "typed_rates", None)
        return format_html(
            '<output id="price-preview" data-in-force="{}">{}</output>',
            json.dumps(_examples_in_force()),
            example_text(typed) if typed else "Worked out from the rates above.",
        )

    @admin.display
    def state(self, price: Any) -> str:
        """Whether it is in force, coming, or over."""
        if price.pk == price.current_pk:
            return "in force"
        return "coming" if price.valid_from > timezone.now() else "replaced"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        fields = ("input", "cached_input", "output", "valid_from", "source")
        note_new(request, AuditEntry.Action.PRICE_ADDED, obj, fields)
        rates = rates_of(obj)
        self.message_user(request, f"At this price, {example_text(rates)}.")
        if rates.output < rates.input:
            text = "Output is cheaper than input, which is rare. Are they the right way round?"
            self.message_user(request, text, messages.WARNING)


def _examples_in_force() -> dict[str, str]:
    """By model, what an ordinary call costs today; for comparing while typing."""
    now = timezone.now()
    found: dict[str, str] = {}
    for price in Price.objects.filter(valid_from__lte=now).order_by("valid_from", "pk"):
        found[str(price.model_id)] = example_text(rates_of(price))
    return found

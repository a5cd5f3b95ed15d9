"""The models of the catalogue, what they can do and how long they live."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from router_app.admin.audited import note, note_new, note_save
from router_app.admin.efforts import EffortsField
from router_app.admin.read_only import ReadOnlyInline
from router_app.analytics.history import was_called
from router_app.catalog.availability import mark_available
from router_app.catalog.prices import example_text
from router_app.catalog.snapshot import rates_of
from router_app.models import AuditEntry, LanguageModel, Price
from router_app.models.fields import TASK_CHOICES
from router_app.routing.specs import ModelStatus

MOST_IMAGE_TOKENS = 1_000_000  # more would be no bound but a slip


class LanguageModelForm(forms.ModelForm):
    """A model's facts; strengths as boxes to tick, efforts as words."""

    strengths = forms.MultipleChoiceField(
        choices=TASK_CHOICES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Tasks that earn the policy's bonus.",
    )

    reasoning_efforts = EffortsField(
        required=False,
        max_length=200,
        help_text="Values of reasoning_effort it takes, such as low, medium, high. Empty: it does "
        "not reason, and is never sent one.",
    )
    image_tokens = forms.IntegerField(
        initial=LanguageModel._meta.get_field("image_tokens").default,
        min_value=1,
        max_value=MOST_IMAGE_TOKENS,
        help_text="The most tokens that one image can be; so much is held for each.",
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
        "supports_tools",
        "supports_vision",
        "supports_json_schema",
    )
    search_fields = ("name", "model_id", "provider__name")
    list_select_related = ("provider",)
    actions = ("make_available", "switch_off", "switch_on")
    fieldsets = (
        (None, {"fields": ("provider", "model_id", "name")}),
        ("Choosing", {"fields": ("quality", "strengths")}),
        ("Sizes", {"fields": ("context_tokens", "max_output_tokens", "template_allowance_tokens")}),
        (
            "Abilities",
            {
                "description": "A request that needs what a model lacks is not routed to it.",
                "fields": (
                    "supports_tools", "supports_json_mode", "supports_json_schema",
                    "supports_vision", "image_tokens", "reasoning_efforts",
                ),
            },
        ),
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
        called = obj is not None and was_called(obj)
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
        if change:
            note_save(request, AuditEntry.Action.MODEL_CHANGED, obj, form)
        else:
            note_new(request, AuditEntry.Action.MODEL_ADDED, obj, ("model_id", "quality", "status"))
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
            before, model.status = {"status": model.status}, status
            model.save(update_fields=["status"])
            after = {"status": status.value}
            note(request, AuditEntry.Action.MODEL_CHANGED, model, before=before, after=after)
            self.log_change(request, model, f"Status is {status.value}.")
        self.message_user(request, f"{len(models)} models are {status.value}.", messages.SUCCESS)

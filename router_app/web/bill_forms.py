"""The forms of `/bills/`: one bill, or a provider's table of them."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from router_app.bills.amounts import MOST_NANOS
from router_app.bills.findings import Days
from router_app.bills.periods import days_of
from router_app.bills.table import MOST_BYTES, MOST_LINES, Line, Unreadable, read_table
from router_app.models import LanguageModel, Provider
from router_app.web.fields import UsdField


def _time_zone_field() -> forms.CharField:
    return forms.CharField(
        label="Its days are those of",
        initial="UTC",
        max_length=64,
        help_text="UTC with most providers, or a zone such as Europe/Berlin.",
        widget=forms.TextInput({"autocomplete": "off"}),
    )


class _ZonedForm(forms.Form):
    """Labels without colons, as everywhere, and a zone that this machine knows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "label_suffix": ""})

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"].strip()
        if name not in available_timezones():
            raise ValidationError("This is not a time zone, such as UTC or Europe/Berlin.")
        return name


class BillForm(_ZonedForm):
    """What a provider billed for one model on a day or in a month."""

    model = forms.ModelChoiceField(
        label="Model", queryset=LanguageModel.objects.none(), empty_label="Choose one"
    )
    period = forms.CharField(
        label="Month or day",
        max_length=40,
        help_text="Such as 2026-10 or 2026-10-31.",
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    amount = UsdField(label="Billed, in US dollars", max_nanos=MOST_NANOS)
    time_zone = _time_zone_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        models = LanguageModel.objects.select_related("provider").order_by("name", "pk")
        self.fields["model"].queryset = models  # type: ignore[attr-defined]

    def clean_period(self) -> tuple[Any, Any]:
        try:
            return days_of(self.cleaned_data["period"])
        except ValueError as error:
            raise ValidationError(f"This {error}.") from None

    @property
    def days(self) -> Days:
        """The period of a valid form."""
        first, last = self.cleaned_data["period"]
        return Days(first, last, self.cleaned_data["time_zone"])


class TableForm(_ZonedForm):
    """A table as a file, or pasted."""

    file = forms.FileField(
        label="CSV file",
        required=False,
        help_text=f"With the columns model, date and amount; at most {MOST_LINES:,} lines.",
    )
    pasted = forms.CharField(
        label="or paste it here",
        required=False,
        strip=False,
        max_length=MOST_BYTES,
        widget=forms.Textarea({"rows": 3, "spellcheck": "false"}),
    )
    provider = forms.ModelChoiceField(
        label="Whose bill",
        queryset=Provider.objects.none(),
        required=False,
        empty_label="As the table says",
        to_field_name="slug",
    )
    time_zone = _time_zone_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["provider"].queryset = Provider.objects.order_by("name")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        file, pasted = data.get("file"), data.get("pasted")
        if not self.errors and not file and not pasted:
            raise ValidationError("Choose a file, or paste a table.")
        return data

    def lines(self) -> list[Line]:
        """What a valid form's table says. Raises Unreadable."""
        file: UploadedFile | None = self.cleaned_data.get("file")
        if file is None:
            return read_table(self.cleaned_data["pasted"].encode("utf-8", "replace"))
        if (file.size or 0) > MOST_BYTES:
            raise Unreadable([f"The file is larger than {MOST_BYTES // 1024} KiB."])
        return read_table(file.read())

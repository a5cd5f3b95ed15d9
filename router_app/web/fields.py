"""Form fields that several pages and the admin share."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from router_app.money import format_usd, nanos_from_usd, plain_usd

LONGEST = 40  # characters of an amount as typed
PLAIN = re.compile(r"(\d+\.?\d*|\.\d+)", re.ASCII)
COMMA_THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+(\.\d*)?", re.ASCII)
POINT_THOUSANDS = re.compile(r"[1-9]\d{0,2}(\.\d{3})+,\d*", re.ASCII)
COMMA_DECIMALS = re.compile(r"\d*,\d+|\d+,", re.ASCII)


class UsdField(forms.CharField):
    """An amount typed in US dollars; its value is nano-dollars.

    Takes `5`, `$0.25`, `1,000.50`, `0,5`, `1 000 USD`. Never rounds: an amount finer than a
    nano-dollar is an error, and what was typed stays in the form.
    """

    def __init__(self, *, min_nanos: int = 0, max_nanos: int | None = None, **kwargs: Any) -> None:
        kwargs.setdefault(
            "widget", forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        )
        super().__init__(max_length=LONGEST, **kwargs)
        self.min_nanos = min_nanos
        self.max_nanos = max_nanos

    def prepare_value(self, value: Any) -> Any:
        """Nanos as plain dollars; what a person typed as it is."""
        return plain_usd(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        """Nano-dollars, or None for an empty field that may be empty."""
        text = super().clean(value)
        if not text:
            return None
        nanos = _nanos(text)
        if nanos < self.min_nanos:
            raise ValidationError(f"The smallest amount here is {format_usd(self.min_nanos)}.")
        if self.max_nanos is not None and nanos > self.max_nanos:
            raise ValidationError(f"The highest amount here is {format_usd(self.max_nanos)}.")
        return nanos

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another amount was typed: `5` and `$5.00` are the same."""
        try:
            return bool(self.clean(data) != initial)
        except ValidationError:
            return True


def focus_first_error(form: forms.BaseForm) -> None:
    """Let the page that comes back open at what is wrong, also without script."""
    if not form.errors:
        return
    visible = [field.name for field in form.visible_fields()]
    wrong = next((name for name in visible if name in form.errors), visible[-1])
    form.fields[wrong].widget.attrs["autofocus"] = True


def _nanos(text: str) -> int:
    digits = _as_decimal(text)
    if digits is None:
        raise ValidationError("Enter an amount in US dollars, such as 5 or 0.25.")
    try:
        return nanos_from_usd(digits)
    except ValueError as error:
        raise ValidationError(f"{str(error).capitalize()}.") from None


def _as_decimal(text: str) -> str | None:
    bare = re.sub(r"[\s$']|usd", "", text, flags=re.IGNORECASE)
    if PLAIN.fullmatch(bare):
        return bare
    if COMMA_THOUSANDS.fullmatch(bare):
        return bare.replace(",", "")
    if POINT_THOUSANDS.fullmatch(bare):
        return bare.replace(".", "").replace(",", ".")
    return bare.replace(",", ".") if COMMA_DECIMALS.fullmatch(bare) else None

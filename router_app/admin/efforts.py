"""The values of `reasoning_effort` that a model takes, as an operator types them."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from router_app.routing.needs import is_effort


class EffortsField(forms.CharField):
    """A list of lower-case words, typed with commas or spaces between them; order is kept."""

    def prepare_value(self, value: Any) -> Any:
        """A list as it is typed; what was typed as it is."""
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The words, each once."""
        if isinstance(value, list):
            return value
        words = list(dict.fromkeys(str(value or "").replace(",", " ").split()))
        odd = [word for word in words if not is_effort(word)]
        if odd:
            raise ValidationError(
                "Lower-case words such as low, medium, high or none; %(odd)s is not one.",
                params={"odd": odd[0]},
            )
        return words

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether other words were typed, or in another order."""
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except ValidationError:
            return True

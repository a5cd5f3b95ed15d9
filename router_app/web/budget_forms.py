"""The forms of `/budgets/`: a new limit, another amount and its pace, a top-up."""

import re
import secrets
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from router_app.budgets.limits import HIGHEST_LIMIT_NANOS
from router_app.models import Budget, LanguageModel, Level, Period
from router_app.models.fields import TASK_CHOICES, validate_percents
from router_app.money import format_usd
from router_app.web.fields import UsdField

ALL = "all"
PERIOD_CHOICES = [
    (Period.DAY.value, "Day"),
    (Period.WEEK.value, "Week, from Monday"),
    (Period.MONTH.value, "Month"),
    (Period.TOTAL.value, "Total, never resets"),
]
ZERO_STOPS = "0 stops all spending."
LATEST = date(9990, 1, 1)  # as late as a day may be: the midnight after it must be a moment too


class PercentsField(forms.CharField):
    """Shares of a limit, typed as `80, 90, 100`; its value is the numbers, the lowest first."""

    def prepare_value(self, value: Any) -> Any:
        """The numbers as they are typed."""
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """An empty field means that nobody is told."""
        words = re.split(r"[\s,;%]+", str(super().clean(value)))
        typed = [word for word in words if word]
        if not all(word.isascii() and word.isdecimal() and len(word) < 4 for word in typed):
            raise ValidationError("Enter whole numbers such as 80, 90, 100.")
        percents = sorted({int(word) for word in typed})
        validate_percents(percents)
        return percents


class LimitForm(forms.Form):
    """Another amount for a limit."""

    limit = UsdField(label="Limit in US dollars", max_nanos=HIGHEST_LIMIT_NANOS)

    def __init__(self, *args: Any, own: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        most = format_usd(settings.SELF_SERVICE_MAX_NANOS)
        above = f"Up to {most}; an administrator can set more. " if own else ""
        self.fields["limit"].help_text = f"{above}{ZERO_STOPS}"


class ChangeLimitForm(LimitForm):
    """The same for one that is there: whom it tells, and whether it saves ahead of its pace."""

    alerts = PercentsField(
        label="Tell people at so many percent of it",
        max_length=40,
        required=False,
        help_text="Once a period for each, by the bell, by e-mail and to webhooks. Empty: never.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    pace_aware = forms.BooleanField(
        label="Save while ahead of pace",
        required=False,
        help_text="While a greater share of the limit than of the period is gone, requests of "
        "medium quality go to the cheaper of nearly equal models. The receipt says so.",
    )

    def __init__(self, *args: Any, budget: Budget, **kwargs: Any) -> None:
        kwargs["initial"] = {
            "limit": budget.limit_nanos,
            "alerts": budget.alert_percents,
            "pace_aware": budget.pace_aware,
        }
        super().__init__(*args, own=is_own(budget), **kwargs)
        if budget.period == Period.TOTAL:
            del self.fields["pace_aware"]  # what never ends has no pace


class NewLimitForm(LimitForm):
    """A further limit for one of those whom the person may set limits for."""

    whom = forms.ChoiceField(label="Who", required=False)
    period = forms.ChoiceField(label="Per", choices=PERIOD_CHOICES, initial=Period.DAY)
    task_type = forms.ChoiceField(label="For", choices=[(ALL, "All tasks"), *TASK_CHOICES])
    model = forms.ModelChoiceField(
        label="On", required=False, empty_label="All models", queryset=LanguageModel.objects.all()
    )
    field_order = ["whom", "period", "task_type", "model", "limit"]

    def __init__(self, *args: Any, whom: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["whom"].choices = whom  # type: ignore[attr-defined]

    def clean_whom(self) -> str:
        """As chosen; the first where nothing is."""
        chosen = self.cleaned_data["whom"]
        return str(chosen or self.fields["whom"].choices[0][0])  # type: ignore[attr-defined]

    def clean_task_type(self) -> str:
        """Empty for all tasks."""
        chosen = str(self.cleaned_data["task_type"])
        return "" if chosen == ALL else chosen


class TopUpForm(forms.Form):
    """More money for the running period."""

    amount = UsdField(label="Add in US dollars", min_nanos=1, max_nanos=HIGHEST_LIMIT_NANOS)
    reason = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    until = forms.DateField(
        label="Only until the end of",
        required=False,
        widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"),
        help_text="Empty: as long as the period runs.",
    )
    form_id = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, budget: Budget, **kwargs: Any) -> None:
        kwargs["initial"] = {"form_id": secrets.token_urlsafe(16)}
        super().__init__(*args, **kwargs)
        self.zone = ZoneInfo(budget.time_zone)

    def clean_until(self) -> datetime | None:
        """The midnight after the day, where the budget's days are counted."""
        day: date | None = self.cleaned_data["until"]
        if day is None:
            return None
        if day > LATEST:
            raise ValidationError("That is too far away.")
        midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=self.zone)
        if midnight <= timezone.now():
            raise ValidationError("That day is over.")
        return midnight


def is_own(budget: Budget) -> bool:
    """Whether it is one of those that people set for themselves, up to a ceiling."""
    return budget.level == Level.USER

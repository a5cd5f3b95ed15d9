"""`/profile/`: where one's days begin, how one likes to ask, and what is kept."""

import zoneinfo
from functools import cache
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from router_app.budgets.limits import move_time_zone
from router_app.models import User
from router_app.web.fields import UsdField, focus_first_error
from router_app.web.signed_in import SignedIn

SMALLEST_BUDGET_NANOS = 1_000  # a millionth of a dollar


class TimeZoneField(forms.CharField):
    """A time zone by its name, or by its city where only one zone is called so."""

    def clean(self, value: Any) -> str:
        """The zone's proper name: `cairo` is Africa/Cairo."""
        text = str(super().clean(value)).strip().replace(" ", "_").casefold()
        names = zoneinfo.available_timezones()
        found = [name for name in names if name.casefold() == text]
        found = found or [name for name in zone_names() if _city(name) == text]
        if len(found) != 1:
            raise ValidationError("Choose a time zone from the list, such as Africa/Cairo.")
        return found[0]


class ProfileForm(forms.ModelForm):
    """What a person may change about their account here."""

    time_zone = TimeZoneField(
        max_length=64,
        help_text="Days, weeks and months of your budgets begin at midnight here. "
        "Type a city to search.",
        widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"}),
    )
    default_budget_nanos = UsdField(
        label="Budget per request, in US dollars",
        min_nanos=SMALLEST_BUDGET_NANOS,
        help_text="What one answer may cost at most, unless you say otherwise.",
    )

    class Meta:
        model = User
        fields = (
            "time_zone",
            "default_task",
            "default_quality",
            "default_budget_nanos",
            "alert_emails",
            "store_prompts",
        )
        labels = {
            "default_task": "Task",
            "default_quality": "Quality",
            "alert_emails": "Send me alerts by e-mail",
            "store_prompts": "Keep the prompts of my API requests",
        }
        help_texts = {
            "alert_emails": "When a limit of yours, or of a team that you look after, nears its "
            "end, and when a charge is uncertain. They are behind the bell in any case.",
            "store_prompts": "Then they can be read and searched in your history and stand in the "
            "request log on the server. Otherwise only sizes, models and costs are kept. "
            "Conversations in the chat are always kept until you delete them.",
        }
        widgets = {"default_task": forms.RadioSelect, "default_quality": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        budget = self.fields["default_budget_nanos"]
        assert isinstance(budget, UsdField)  # noqa: S101
        budget.max_nanos = settings.SELF_SERVICE_MAX_NANOS


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: SignedIn) -> HttpResponse:
    """Show and change one's preferences."""
    person = User.objects.get(pk=request.user.pk)
    form = ProfileForm(request.POST or None, instance=person)
    if request.method == "POST" and form.is_valid():
        _save(form)
        messages.success(request, "Saved.")
        return redirect("profile")
    focus_first_error(form)
    return render(request, "profile/profile.html", {"form": form, "zones": zone_names()})


@cache
def zone_names() -> list[str]:
    """Time zones worth offering: places, and UTC; not the historical aliases."""
    known = zoneinfo.available_timezones()
    areas = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia")
    more = ("Europe", "Indian", "Pacific")
    return ["UTC", *sorted(name for name in known if name.partition("/")[0] in areas + more)]


def _save(form: ProfileForm) -> None:
    with transaction.atomic():
        person = form.save()
        if "time_zone" in form.changed_data:
            move_time_zone(person, person.time_zone)


def _city(name: str) -> str:
    return name.rpartition("/")[2].casefold()

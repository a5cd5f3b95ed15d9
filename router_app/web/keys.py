"""`/keys/`: API keys for one's own programs. A key's text is seen once, right after it is made."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from router_app.gateway.keys import create_key, revoke
from router_app.gateway.rates import limit_key, limits_of
from router_app.models import ApiKey
from router_app.web.fields import focus_first_error
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import membership_of, own_scope

NEVER = "never"
EXPIRY_CHOICES = [
    ("30", "In 30 days"),
    ("90", "In 90 days"),
    ("365", "In a year"),
    (NEVER, "Never"),
]
MADE_BY = "key_made_by_form"  # session: the last form that made a key
MOST = 1_000_000  # requests; as good as no limit


class KeyForm(forms.Form):
    """A new key's name, its life and its limits. The server's limits can be lowered, not raised."""

    name = forms.CharField(
        max_length=80,
        help_text="What will use it, for example “nightly summaries”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    expires = forms.ChoiceField(choices=EXPIRY_CHOICES, initial="90")
    form_id = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["requests_per_minute"] = _limit_field(
            "Requests a minute", settings.KEY_REQUESTS_PER_MINUTE
        )
        self.fields["concurrent_requests"] = _limit_field(
            "Requests at once", settings.KEY_CONCURRENT_REQUESTS
        )


@dataclass(frozen=True, slots=True)
class Row:
    """A key and the limits in force for it, in words; empty without limits."""

    key: ApiKey
    limits: str


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: SignedIn) -> HttpResponse:
    """The person's keys and the form for another; after a POST, the new key's text, once."""
    if request.method == "POST" and not membership_of(request).may_ask:
        raise PermissionDenied("Viewers make no keys.")
    form = KeyForm(request.POST or None, initial={"form_id": secrets.token_urlsafe(16)})
    if request.method == "POST" and form.is_valid():
        return _create(request, form)
    focus_first_error(form)
    context = {"form": form, "keys": _rows(request), "may_ask": membership_of(request).may_ask}
    return render(request, "keys/keys.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def revoke_key(request: SignedIn, pk: int) -> HttpResponse:
    """Ask, then revoke one's own key."""
    key = get_object_or_404(ApiKey, pk=pk, **own_scope(request).filters)
    if request.method == "POST":
        revoke(key, by=request.user)
        messages.success(request, f"The key “{key.name}” is revoked and opens nothing any more.")
        return redirect("keys")
    return render(request, "keys/revoke.html", {"key": key})


def _create(request: SignedIn, form: KeyForm) -> HttpResponse:
    """Answer with the key itself: a redirect would have to store it somewhere on its way."""
    form_id = form.cleaned_data["form_id"]
    if form_id and request.session.get(MADE_BY) == form_id:
        messages.info(request, "That key was made already. Its text is shown only once.")
        return redirect("keys")
    key, text = create_key(
        user=request.user,
        workspace_id=membership_of(request).workspace_id,
        name=form.cleaned_data["name"],
        expires_at=_end(form.cleaned_data["expires"]),
        by=request.user,
    )
    limit_key(
        key,
        requests_per_minute=form.cleaned_data["requests_per_minute"],
        concurrent_requests=form.cleaned_data["concurrent_requests"],
        by=request.user,
    )
    request.session[MADE_BY] = form_id
    address = request.build_absolute_uri("/route")
    context = {"key": key, "text": text, "address": address, "keys": _rows(request)}
    return render(request, "keys/created.html", context)


def _end(choice: str) -> datetime | None:
    return None if choice == NEVER else timezone.now() + timedelta(days=int(choice))


def _limit_field(label: str, of_server: int) -> forms.IntegerField:
    help_text = f"Empty: {of_server:,}, the most here." if of_server else "Empty: no limit."
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=1,
        max_value=of_server or MOST,
        help_text=help_text,
        widget=forms.NumberInput(attrs={"autocomplete": "off"}),
    )


def _rows(request: SignedIn) -> list[Row]:
    """Newest first, those that open something before those that no longer do."""
    own = ApiKey.objects.filter(**own_scope(request).filters)
    found = sorted(own, key=lambda key: not key.is_live)
    return [Row(key, _limits(key)) for key in found]


def _limits(key: ApiKey) -> str:
    per_minute, at_once = limits_of(key)
    words = [f"{per_minute:,} requests a minute"] if per_minute else []
    words += [f"{at_once:,} at once"] if at_once else []
    return ", ".join(words)

"""`/keys/`: API keys for one's own programs. A key's text is seen once, right after it is made."""

import secrets
from datetime import datetime, timedelta

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from router_app.gateway.keys import create_key, revoke
from router_app.models import ApiKey
from router_app.web.fields import focus_first_error
from router_app.web.signed_in import SignedIn

NEVER = "never"
EXPIRY_CHOICES = [
    ("30", "In 30 days"),
    ("90", "In 90 days"),
    ("365", "In a year"),
    (NEVER, "Never"),
]
MADE_BY = "key_made_by_form"  # session: the last form that made a key


class KeyForm(forms.Form):
    """A new key's name and life."""

    name = forms.CharField(
        max_length=80,
        help_text="What will use it, for example “nightly summaries”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    expires = forms.ChoiceField(choices=EXPIRY_CHOICES, initial="90")
    form_id = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: SignedIn) -> HttpResponse:
    """The person's keys and the form for another; after a POST, the new key's text, once."""
    form = KeyForm(request.POST or None, initial={"form_id": secrets.token_urlsafe(16)})
    if request.method == "POST" and form.is_valid():
        return _create(request, form)
    focus_first_error(form)
    context = {"form": form, "keys": _rows(request)}
    return render(request, "keys/keys.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def revoke_key(request: SignedIn, pk: int) -> HttpResponse:
    """Ask, then revoke one's own key."""
    key = get_object_or_404(ApiKey, pk=pk, user=request.user)
    if request.method == "POST":
        revoke(key)
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
        name=form.cleaned_data["name"],
        expires_at=_end(form.cleaned_data["expires"]),
    )
    request.session[MADE_BY] = form_id
    address = request.build_absolute_uri("/route")
    context = {"key": key, "text": text, "address": address, "keys": _rows(request)}
    return render(request, "keys/created.html", context)


def _end(choice: str) -> datetime | None:
    return None if choice == NEVER else timezone.now() + timedelta(days=int(choice))


def _rows(request: SignedIn) -> list[ApiKey]:
    """Newest first, those that open something before those that no longer do."""
    return sorted(ApiKey.objects.filter(user=request.user), key=lambda key: not key.is_live)

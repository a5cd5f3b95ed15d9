"""`/workspaces/…/webhooks/`: addresses that are told of a workspace's alerts. Its admins' alone."""

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from router_app.alerts import worker
from router_app.alerts.hooks import (
    TooMany,
    end_webhook,
    host_of,
    make_webhook,
    send_test,
    webhooks_in,
)
from router_app.alerts.sending import last_deliveries
from router_app.errors import InvalidRequest
from router_app.models import Delivery, Membership, Webhook
from router_app.web.fields import focus_first_error
from router_app.web.signed_in import SignedIn
from router_app.web.workspace import admins_place_in


class WebhookForm(forms.Form):
    """Where alerts are to be sent."""

    url = forms.CharField(
        label="Address",
        max_length=2048,
        help_text="Begins with https:// and can be reached from the Internet.",
        widget=forms.URLInput(attrs={"autocomplete": "off", "placeholder": "https://"}),
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """A webhook with what was sent to it last. Of its address, no more than the host: the rest may
    be a secret."""

    webhook: Webhook
    host: str
    sent: list[Delivery]


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhooks(request: SignedIn, pk: int) -> HttpResponse:
    """The webhooks of a workspace, and another. Its secret is shown once, in the reply."""
    place = _place(request, pk)
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = _make(request, place, form)
        if made is not None:
            context = {"workspace": place.workspace, "webhook": made, "host": host_of(made.url)}
            return render(request, "webhooks/created.html", context)
    focus_first_error(form)
    shown = [_shown(webhook) for webhook in webhooks_in(place.workspace)]
    context = {"workspace": place.workspace, "form": form, "shown": shown}
    return render(request, "webhooks/webhooks.html", context)


@login_required
@require_POST
def test(request: SignedIn, pk: int, webhook: int) -> HttpResponse:
    """Send a test there; the page says in a moment how it went."""
    send_test(_webhook(request, pk, webhook))
    worker.poke()
    messages.success(request, "A test is on its way. Reload this page to see whether it arrived.")
    return redirect("webhooks", pk=pk)


@login_required
@require_POST
def remove(request: SignedIn, pk: int, webhook: int) -> HttpResponse:
    """Tell it nothing more."""
    found = _webhook(request, pk, webhook)
    end_webhook(found, by=request.user)
    messages.success(request, f"{host_of(found.url)} is told nothing more.")
    return redirect("webhooks", pk=pk)


def _place(request: SignedIn, pk: int) -> Membership:
    place = admins_place_in(request, pk)
    if not place.workspace.is_open:
        raise PermissionDenied(f"{place.workspace} is closed.")
    return place


def _webhook(request: SignedIn, pk: int, webhook: int) -> Webhook:
    return get_object_or_404(webhooks_in(_place(request, pk).workspace), pk=webhook)


def _make(request: SignedIn, place: Membership, form: WebhookForm) -> Webhook | None:
    try:
        return make_webhook(place.workspace, url=form.cleaned_data["url"], by=request.user)
    except (InvalidRequest, TooMany) as no:
        form.add_error("url", ValidationError(str(no)))
        return None


def _shown(webhook: Webhook) -> Shown:
    return Shown(webhook, host_of(webhook.url), last_deliveries(webhook))

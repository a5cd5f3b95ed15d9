"""`/models/`: which models there are, what they cost, and which of them answer."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from router_app.catalog.listing import list_catalog
from router_app.web.signed_in import SignedIn


@login_required
@require_safe
def models(request: SignedIn) -> HttpResponse:
    """The catalogue; the providers in use first."""
    return render(request, "models/models.html", {"providers": list_catalog(timezone.now())})

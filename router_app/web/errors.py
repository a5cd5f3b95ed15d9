"""Error pages."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form came back without its token: say so in words and offer the way on."""
    return render(request, "errors/403.html", {"csrf": True}, status=403)

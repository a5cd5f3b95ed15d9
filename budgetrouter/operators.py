"""The operators' admin site: its name, and tables grouped by what they are about."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

GROUPS = (
    ("Catalogue", ("Provider", "LanguageModel", "Price", "RoutingPolicy")),
    ("People", ("User", "ApiKey")),
    ("Budgets", ("Budget", "Window", "TopUp")),
    ("Ledger", ("Reservation", "LedgerEntry")),
    ("Requests", ("RoutingDecision", "Call", "Conversation")),
    ("Told and changed", ("Alert", "Webhook", "AuditEntry")),
)


class OperatorsSite(AdminSite):
    """Stock admin with our name and our order."""

    site_header = "Budget Router"
    site_title = "Budget Router"
    index_title = "Administration"

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one sign-in page, and one protection of it; who may not come in is told so."""
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            raise PermissionDenied("Only operators come in here.")
        return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index"))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """On the index, our one app as several groups, in the order in which they are used."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        others = [app for app in apps if app["app_label"] != "router_app"]
        return [group for app in apps if app not in others for group in _grouped(app)] + others


def _grouped(app: dict[str, Any]) -> list[dict[str, Any]]:
    by_name = {model["object_name"]: model for model in app["models"]}
    groups = []
    for title, names in GROUPS:
        models = [by_name[name] for name in names if name in by_name]
        if models:
            groups.append({**app, "name": title, "models": models})
    return groups
